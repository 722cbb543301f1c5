import { renderPage } from '../ui/render-page.tsx';
import { AdminPage } from './admin-page.tsx';

await renderPage(<AdminPage />);
