/** The page's live parts. Addresses are those of the proxy: /api and /clock are other services. */
const at = (id) => document.getElementById(id);

greet();
echo();
stream();
at('again').addEventListener('click', stream);

async function greet() {
  const answer = await (await fetch('/greeting')).json();
  at('greeting').textContent = answer.text;
  at('greeting-url').textContent = answer.url ? `at ${answer.url}` : '';
  if (answer.has_clock) setInterval(clock, 1000);
  else at('clock').textContent = 'left out: there is no python3 on this machine';
}

function echo() {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const socket = new WebSocket(`${scheme}://${location.host}/api/echo`);
  const send = () => socket.readyState === WebSocket.OPEN && socket.send(at('text').value);
  socket.addEventListener('open', send);
  socket.addEventListener('message', (event) => {
    at('echoed').textContent = `echoed: ${event.data}`;
  });
  socket.addEventListener('close', () => {
    at('echoed').textContent = 'connection closed, connecting again…';
    setTimeout(echo, 1000);
  });
  at('echo').onsubmit = (event) => {
    event.preventDefault();
    send();
  };
}

async function stream() {
  const out = at('stream');
  out.textContent = '';
  at('again').disabled = true;
  try {
    const answer = await fetch('/api/stream');
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) out.textContent += part.value;
  } catch (error) {
    out.textContent += `\ncut off: ${error.message}`;
  } finally {
    at('again').disabled = false;
  }
}

async function clock() {
  try {
    const { utc, python } = await (await fetch('/clock/')).json();
    at('clock').textContent = `${utc}   Python ${python}`;
  } catch {
    at('clock').textContent = 'the clock does not answer';
  }
}
