import { describe, expect, it } from 'vitest';
import { commandLine, environmentText, quoteWord, runWords, unitText } from './unit-text.ts';

describe('texts for systemd', () => {
  it('a word keeps quotes, backslashes, newlines and semicolons', () => {
    expect(quoteWord('a "b" \\c')).toBe('"a \\"b\\" \\\\c"');
    expect(quoteWord('one\ntwo\ttab')).toBe('"one\\x0atwo\\x09tab"');
    expect(quoteWord('')).toBe('""');
    expect(commandLine(['/bin/echo', ';', '$HOME', "it's"])).toBe(`:"/bin/echo" ";" "$HOME" "it's"`);
  });

  it('a percent sign is no specifier, and a dollar no variable', () => {
    const text = unitText({ Unit: [['Description', '100 %']], Service: [['ExecStart', commandLine(['x', '%n $A'])]] });
    expect(text).toBe('[Unit]\nDescription=100 %%\n\n[Service]\nExecStart=:"x" "%%n $A"\n');
    expect(unitText({ Unit: [], Service: [['CPUQuota', '150%']] })).toContain('\nCPUQuota=150%\n');
    expect(runWords(['$HOME $$', '%n'])).toEqual(['$$HOME $$$$', '%n']);
  });

  it('a value of a variable keeps what a shell would look at, and its lines', () => {
    expect(environmentText({ A: '1 2', B: 'a"b\\c$d`e', C: 'two\nlines' })).toBe(
      'A="1 2"\nB="a\\"b\\\\c\\$d\\`e"\nC="two\nlines"\n',
    );
  });
});
