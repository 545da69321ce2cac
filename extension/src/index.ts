// What JupyterLab loads: each plugin adds its part when JupyterLab starts, and loads what is large when it is first used.
import { documents, main } from "./plugins";

export default [main, documents];
