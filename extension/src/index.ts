import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import address from "rlm-lab-view";
const plugin: JupyterFrontEndPlugin<void> = {
  id: "rlm-lab:plugin", autoStart: true, optional: [ICommandPalette],
  activate: (app) => { void app; (window as any).x = () => import(/* webpackIgnore: true */ address); },
};
export default [plugin];
