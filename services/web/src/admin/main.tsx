import { renderPage } from '../ui/render-page.tsx';
import { AdminPage } from './admin-page.tsx';
import { TEXTS } from './texts.ts';

renderPage(TEXTS, <AdminPage />);
