// The words of parts that are made without JupyterLab's translator at hand; English, until the main plugin has loaded a catalogue.
import type { TranslationBundle } from '@jupyterlab/translation';

type Words = Pick<TranslationBundle, '__'>;

let loaded: Words | null = null;

export const trans: Words = {
  __: (text: string, ...given: unknown[]) =>
    loaded ? loaded.__(text, ...(given as string[])) : text.replace(/%(\d)/g, (_, at) => String(given[Number(at) - 1]))
};

export function translate(words: Words): void {
  loaded = words;
}
