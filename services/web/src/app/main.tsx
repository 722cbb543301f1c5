import { renderPage } from '../ui/render-page.tsx';
import { App } from './app.tsx';

await renderPage(<App />);
