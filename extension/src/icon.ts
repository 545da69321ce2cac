import { LabIcon } from '@jupyterlab/ui-components';

// A step that asks further steps: a ring, and two smaller ones that hang on it.
const DRAWING =
  '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16"><g class="jp-icon3" fill="none" ' +
  'stroke="#616161" stroke-width="1.5"><circle cx="8" cy="4.2" r="2.6"/><circle cx="3.8" cy="12.2" r="1.9"/>' +
  '<circle cx="12.2" cy="12.2" r="1.9"/><path d="M6.9 6.6 4.7 10.5M9.1 6.6l2.2 3.9"/></g></svg>';

export const runIcon = new LabIcon({ name: 'rlm-lab:run', svgstr: DRAWING });

function drawn(name: string, shape: string): LabIcon {
  const frame = '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">';
  return new LabIcon({ name: `rlm-lab:${name}`, svgstr: `${frame}<g class="jp-icon3" fill="#616161">${shape}</g></svg>` });
}

export const pauseIcon = drawn('pause', '<path d="M6 5h4v14H6zM14 5h4v14h-4z"/>');
export const stepIcon = drawn('step', '<path d="M5 5v14l10-7zM17 5h3v14h-3z"/>');
