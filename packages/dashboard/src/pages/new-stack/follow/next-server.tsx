/** Gives the new stack to the servers that were chosen for it: the change that begins the deployment. */
import { Alert, Button } from '@mantine/core';
import { IconServer2 } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { newStack } from '../../../texts/new-stack.ts';
import { type Change, ReviewChange } from '../../../ui/review-change.tsx';
import css from './follow.module.css';

const texts = newStack.follow;

/** Opens by itself, as it is the next step of what the person is doing; closed, it can be opened again. */
export function NextServer({ server, stack }: { server: string; stack: string }) {
  const [isOpen, setOpen] = useState(true);
  const change: Change = { id: 'servers.assign', input: { server, stack } };
  return (
    <Alert color="blue" variant="light" icon={<IconServer2 />} title={texts.assignTitle(server)}>
      <p>{texts.assignText}</p>
      <Button size="xs" mt="xs" onClick={() => setOpen(true)}>
        {texts.assignButton}
      </Button>
      <ReviewChange
        change={isOpen ? change : null}
        title={texts.assignReview(server, stack)}
        confirm={texts.assignConfirm}
        onClose={() => setOpen(false)}
        onAccepted={() => setOpen(false)}
      >
        <p className="quiet">{texts.assignText}</p>
      </ReviewChange>
    </Alert>
  );
}

export function WaitingForServer({ stack }: { stack: string }) {
  return (
    <Alert color="blue" variant="light" icon={<IconServer2 />} title={texts.waitingText}>
      <div className={css.url}>
        <Button renderRoot={(props) => <Link to="/servers/add" search={{ stack }} {...props} />}>
          {texts.addServer}
        </Button>
        <Button variant="default" renderRoot={(props) => <Link to="/servers" {...props} />}>
          {texts.chooseServer}
        </Button>
      </div>
    </Alert>
  );
}
