/**
 * The stack file as text to edit. Its syntax is read in the page, its meaning by the control plane, when the plan is made; what
 * either refuses is shown with its line, and the line is selected. The text survives reloads until it was applied.
 */
import type { StackView } from '@mainstay/contract/operations/stacks';
import { Alert, Button, Textarea } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import type { Input } from '../../../api/client.ts';
import { file as texts } from '../../../texts/stack/file.ts';
import { refusalText } from '../../../ui/refusal.ts';
import { ReviewChange } from '../../../ui/review-change.tsx';
import { focusSoon } from '../focus-soon.ts';
import formCss from '../forms.module.css';
import css from './file.module.css';
import { type FileProblem, lineOf, lineRange, readStackFile } from './stack-file.ts';

/** What is written, and the file that it began from. */
export type FileDraft = { text: string; base: string };

export type FileEditorProps = {
  stack: StackView;
  yaml: string;
  draft: FileDraft | null;
  onChange(draft: FileDraft): void;
  onDiscard(): void;
};

export function FileEditor({ stack, yaml, draft, onChange, onDiscard }: FileEditorProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [problem, setProblem] = useState<FileProblem | null>(null);
  const [reading, setReading] = useState(false);
  const [spec, setSpec] = useState<Record<string, unknown> | null>(null);
  const text = draft?.text ?? yaml;
  const show = (found: FileProblem) => {
    setProblem(found);
    const { line } = found;
    focusSoon(field.current, () => line !== null && field.current?.setSelectionRange(...lineRange(text, line)));
  };
  const review = async () => {
    setReading(true);
    const read = await readStackFile(text, stack.name);
    setReading(false);
    if (read.problem) return show(read.problem);
    setProblem(null);
    setSpec(read.spec);
  };
  return (
    <form
      className={formCss.column}
      onSubmit={(event) => {
        event.preventDefault();
        if (!stack.paused) void review();
      }}
    >
      {stack.paused && <Alert color="yellow">{texts.paused}</Alert>}
      {draft && draft.base !== yaml && <Alert color="yellow">{texts.changedMeanwhile}</Alert>}
      <Textarea
        ref={field}
        label={texts.editor(stack.name)}
        value={text}
        onChange={(event) => onChange({ text: event.currentTarget.value, base: draft?.base ?? yaml })}
        autosize
        minRows={16}
        maxRows={60}
        spellCheck={false}
        autoComplete="off"
        classNames={{ input: css.editor }}
        error={problem && <ProblemText problem={problem} />}
      />
      <div className={formCss.tools}>
        <Button type="submit" loading={reading} disabled={stack.paused !== null || text === yaml}>
          {texts.review}
        </Button>
        <Button
          variant="default"
          renderRoot={(props) => (
            <Link
              from="/stacks/$stack"
              to="."
              search={(old) => ({ ...old, edit: undefined })}
              resetScroll={false}
              {...props}
            />
          )}
        >
          {texts.cancel}
        </Button>
        {draft && draft.text !== yaml && (
          <Button
            variant="subtle"
            color="gray"
            onClick={() => {
              setProblem(null);
              onDiscard();
            }}
          >
            {texts.discard}
          </Button>
        )}
      </div>
      <ReviewChange
        change={
          spec === null
            ? null
            : { id: 'stacks.apply', input: { stack: stack.name, spec: spec as Input<'stacks.apply'>['spec'] } }
        }
        title={texts.saveTitle(stack.name)}
        confirm={texts.saveConfirm}
        onClose={() => setSpec(null)}
        onSucceeded={onDiscard}
        onRefused={(error) => {
          const at = error.field?.replace(/^spec\.?/, '') ?? '';
          setSpec(null);
          void lineOf(text, at).then((line) => show({ message: refusalText(error), line }));
        }}
      >
        <p className="quiet">{texts.saveLead}</p>
      </ReviewChange>
    </form>
  );
}

function ProblemText({ problem: { line, message } }: { problem: FileProblem }) {
  return (
    <>
      {line !== null && <strong>{texts.atLine(line)}: </strong>}
      {message}
    </>
  );
}
