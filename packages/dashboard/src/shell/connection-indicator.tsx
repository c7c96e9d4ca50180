/** Says whether what is shown is true now, and since when it is not. */
import { Button, Tooltip } from '@mantine/core';
import { useState } from 'react';
import { useConnection } from '../api/live.ts';
import { shell } from '../texts/shell.ts';
import { useNow } from '../ui/clock.ts';
import { StatusMark } from '../ui/status-mark.tsx';
import { timeOfDay } from '../ui/time.tsx';
import { duration } from '../ui/words.ts';

const texts = shell.connection;

export function ConnectionIndicator() {
  const { state, since, version } = useConnection();
  const now = useNow();
  // The version that this page was loaded from; another one at the other end means that the page is old.
  const [loaded, setLoaded] = useState<string | null>(null);
  if (loaded === null && version !== null) setLoaded(version);
  if (loaded !== null && version !== null && version !== loaded) {
    return (
      <Tooltip label={texts.updated}>
        <Button size="compact-xs" variant="light" onClick={() => location.reload()}>
          {texts.reload}
        </Button>
      </Tooltip>
    );
  }
  const lost = state === 'lost';
  return (
    <Tooltip label={lost ? texts.lostHint(duration(now - since)) : texts.liveHint}>
      <span role="status">
        <StatusMark
          tone={lost ? 'bad' : state === 'live' ? 'good' : 'busy'}
          word={lost ? texts.lost(timeOfDay(since)) : texts[state]}
        />
      </span>
    </Tooltip>
  );
}
