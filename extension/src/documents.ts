// `*.rlm.jsonl` as documents: double-click opens the run in the view. The file's content is never sent as a whole.
import { ABCWidgetFactory, DocumentModel, type DocumentRegistry, DocumentWidget } from '@jupyterlab/docregistry';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { runIcon } from './icon';
import { RunView } from './run';
import { type Server, SUFFIX } from './server';

export const FACTORY = 'Run';
const FILE_TYPE = 'rlm-run';
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
    options: DocumentRegistry.IWidgetFactoryOptions<DocumentWidget<RunView>>
  ) {
    super(options);
  }

  protected createNewWidget(context: DocumentRegistry.Context): DocumentWidget<RunView> {
    const content = new RunView(this.server, { path: context.path });
    context.pathChanged.connect((_, path) => content.follower.moved({ path }));
    const widget = new DocumentWidget({ content, context });
    widget.title.icon = runIcon;
    return widget;
  }
}

export function addRunDocuments(registry: DocumentRegistry, server: Server, trans: TranslationBundle): RunFactory {
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
  const factory = new RunFactory(server, {
    name: FACTORY,
    label: trans.__('Run'),
    fileTypes: [FILE_TYPE],
    defaultFor: [FILE_TYPE],
    modelName: MODEL,
    readOnly: true
  });
  registry.addWidgetFactory(factory);
  return factory;
}
