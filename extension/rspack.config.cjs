// What the builder does not know by itself: that the sources are TypeScript, and where the shared view is. The view is served as
// the very file that the kernel uses, under a name that changes with it, and imported when the first run is shown.
const path = require('node:path');
const { rspack } = require('@rspack/core');

const view = path.join(__dirname, '..', 'rlm_lab', 'views', 'component', 'dist', 'view.js');

module.exports = {
  performance: { hints: false },
  resolve: { extensions: ['.ts', '.js'], alias: { 'rlm-lab-view$': view } },
  optimization: { minimizer: [new rspack.SwcJsMinimizerRspackPlugin({ exclude: /^view\./ })] },
  module: {
    rules: [
      { resource: view, type: 'asset/resource', generator: { filename: 'view.[contenthash].js' } },
      {
        test: /\.ts$/,
        loader: 'builtin:swc-loader',
        options: { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } },
        type: 'javascript/auto'
      }
    ]
  }
};
