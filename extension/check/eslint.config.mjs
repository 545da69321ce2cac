// How the extension's TypeScript is looked through: what TypeScript's own rules know with types, and Jupyter's rules for extensions.
import jupyter from '@jupyter/eslint-plugin';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import tseslint from 'typescript-eslint';

const folder = dirname(dirname(fileURLToPath(import.meta.url)));

export default [
  ...tseslint.config({ files: ['**/*.ts'], extends: [tseslint.configs.recommendedTypeChecked] }),
  { plugins: { jupyter } },
  ...jupyter.configs.recommended,
  {
    files: ['**/*.ts'],
    rules: {
      '@typescript-eslint/unbound-method': 'off', // Lumino's signals take a method and its object, which Jupyter's own rule looks after
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'jupyter/prefer-lazy-imports': 'off' // what is large, the views, is imported when it is shown; the rest is one file of 50 kB
    },
    languageOptions: { parserOptions: { project: `${folder}/tsconfig.json`, tsconfigRootDir: folder } }
  }
];
