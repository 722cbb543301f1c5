import { renderPage } from '../ui/render-page.tsx';
import { App } from './app.tsx';
import { TEXTS } from './texts.ts';

renderPage(TEXTS, <App />);
