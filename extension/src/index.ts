// What JupyterLab loads: each plugin adds its part when JupyterLab starts, and loads what is large when it is first used.
import { cells, commands, documents, main, panel } from './plugins';

export default [main, documents, panel, cells, commands];
