// `*.rlm.jsonl` as documents: double-click opens the run in the view; a log of another engine does with "Open With", as only its content
// tells what it is, and the server looks into it. The file's content is never sent as a whole.
import { ABCWidgetFactory, DocumentModel, type DocumentRegistry, DocumentWidget } from '@jupyterlab/docregistry';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Toolbar } from '@jupyterlab/ui-components';
import { runIcon } from './icon';
import { RunView } from './run';
import { type Server, SUFFIX } from './server';

export const FACTORY = 'Run';
const FILE_TYPE = 'rlm-run';
const OTHERS = ['json', 'jsonl']; // JupyterLab's own types, whose default stays what it is
const MODEL = 'rlm-run';

/** A model without content: what is in the file the view asks the server for, piece by piece. */
class NoContent implements DocumentRegistry.IModelFactory<DocumentRegistry.IModel> {
  readonly name = MODEL;
  readonly contentType: Contents.ContentType = 'file';
  readonly fileFormat: Contents.FileFormat = null;
  readonly collaborative = false;
  isDisposed = false;

  dispose(): void {
    this.isDisposed = true;
  }

  preferredLanguage(): string {
    return '';
  }

  createNew(): DocumentRegistry.IModel {
    return new DocumentModel({ collaborationEnabled: false });
  }
}

class RunFactory extends ABCWidgetFactory<DocumentWidget<RunView>, DocumentRegistry.IModel> {
  constructor(
    private readonly server: Server,
    private readonly tools: (toolbar: Toolbar, path: () => string) => void,
    options: DocumentRegistry.IWidgetFactoryOptions<DocumentWidget<RunView>>
  ) {
    super(options);
  }

  protected createNewWidget(context: DocumentRegistry.Context): DocumentWidget<RunView> {
    const content = new RunView(this.server, { path: context.path });
    context.pathChanged.connect((_, path) => content.follower.moved({ path }));
    const widget = new DocumentWidget({ content, context });
    widget.title.icon = runIcon;
    this.tools(widget.toolbar, () => context.path);
    return widget;
  }
}

export interface Around {
  registry: DocumentRegistry;
  server: Server;
  trans: TranslationBundle;
  tools: (toolbar: Toolbar, path: () => string) => void; // what can be done with a run that is open
}

export function addRunDocuments({ registry, server, trans, tools }: Around): RunFactory {
  registry.addFileType({
    name: FILE_TYPE,
    displayName: trans.__('Run of a recursive language model'),
    extensions: [SUFFIX],
    mimeTypes: ['application/x-rlm-run'],
    contentType: 'file',
    fileFormat: 'text',
    icon: runIcon
  });
  registry.addModelFactory(new NoContent());
  const factory = new RunFactory(server, tools, {
    name: FACTORY,
    label: trans.__('Recursive Language Model Run'),
    fileTypes: [FILE_TYPE, ...OTHERS],
    defaultFor: [FILE_TYPE],
    modelName: MODEL,
    readOnly: true
  });
  registry.addWidgetFactory(factory);
  return factory;
}
