/** The stack file: to read, copy and download, and to edit. */
import type { StackView } from '@mainstay/contract/operations/stacks';
import { Button } from '@mantine/core';
import { IconDownload, IconPencil } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useRead } from '../../../api/queries.ts';
import { file as texts } from '../../../texts/stack/file.ts';
import { Allowed } from '../../../ui/allowed.tsx';
import { CopyButton } from '../../../ui/copy-button.tsx';
import { useDraft } from '../../../ui/draft.ts';
import { visible } from '../../../ui/foreign.tsx';
import { Fetched, Rows } from '../../../ui/page.tsx';
import formCss from '../forms.module.css';
import type { StackSearch } from '../stack-search.ts';
import css from './file.module.css';
import { type FileDraft, FileEditor } from './file-editor.tsx';

export default function FileTab({ stack, edit }: { stack: StackView } & StackSearch) {
  const query = useRead('stacks.export', { stack: stack.name });
  const [draft, setDraft, discard] = useDraft<FileDraft | null>(`file:${stack.name}`, null);
  return (
    <Fetched query={query} skeleton={<Rows count={8} />}>
      {({ yaml }) =>
        edit ? (
          <FileEditor stack={stack} yaml={yaml} draft={draft} onChange={setDraft} onDiscard={discard} />
        ) : (
          <FileView stack={stack.name} yaml={yaml} edited={draft !== null && draft.text !== yaml} />
        )
      }
    </Fetched>
  );
}

function FileView({ stack, yaml, edited }: { stack: string; yaml: string; edited: boolean }) {
  const lines = yaml.replace(/\n$/, '').split('\n');
  const command = texts.command(stack);
  return (
    <div className={formCss.column}>
      <div className={css.head}>
        <div>
          <p className={formCss.hint}>{texts.text}</p>
          <p className={css.command}>
            <code>{command}</code>
            <CopyButton text={command} />
          </p>
        </div>
        <div className={formCss.tools}>
          {edited && <span className={formCss.hint}>{texts.draft}</span>}
          <CopyButton text={yaml} label={texts.copy} />
          <Button
            variant="default"
            leftSection={<IconDownload size={16} />}
            onClick={() => download(texts.downloadName(stack), yaml)}
          >
            {texts.download}
          </Button>
          <Allowed to="stacks:write">
            <Button
              leftSection={<IconPencil size={16} />}
              renderRoot={(props) => (
                <Link
                  from="/stacks/$stack"
                  to="."
                  search={(old) => ({ ...old, edit: true as const })}
                  resetScroll={false}
                  {...props}
                />
              )}
            >
              {edited ? texts.goOn : texts.edit}
            </Button>
          </Allowed>
        </div>
      </div>
      <pre className={css.file}>
        <code>
          {lines.map((line, index) => (
            <span key={index} className={css.line}>
              {visible(line, line.length)}
              {'\n'}
            </span>
          ))}
        </code>
      </pre>
    </div>
  );
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/yaml' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
