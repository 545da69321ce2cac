// What the builder does not know by itself: that the sources are TypeScript, and where the shared views are. A view is served as the
// very file that the kernel uses, under a name that changes with it, and imported when it is first shown.
const path = require('node:path');
const { rspack } = require('@rspack/core');

const built = name => path.join(__dirname, '..', 'rlm_lab', 'views', 'component', 'dist', `${name}.js`);
const parts = ['view', 'compare'];

module.exports = {
  performance: { hints: false },
  resolve: { extensions: ['.ts', '.js'], alias: Object.fromEntries(parts.map(name => [`rlm-lab-${name}$`, built(name)])) },
  optimization: { minimizer: [new rspack.SwcJsMinimizerRspackPlugin({ exclude: /^(view|compare)\./ })] },
  module: {
    rules: [
      ...parts.map(name => ({
        resource: built(name),
        type: 'asset/resource',
        generator: { filename: `${name}.[contenthash].js` }
      })),
      {
        test: /\.ts$/,
        loader: 'builtin:swc-loader',
        options: { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } },
        type: 'javascript/auto'
      }
    ]
  }
};
