// Answers that are on their way: kept in the browser until the server has them, sent in their order, each once.
const PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15000;

export function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// `place` is the address that takes answers, `person` who gives them; `tell` is called whenever the queue changes, and
// `refuse` with an answer that the server does not take, and why.
export function openOutbox(place, person, tell, refuse) {
  const key = `tidemill-labels:${place}:${person}`;
  let memory = [];
  let isSending = false;
  let trouble = "";
  let pause = PAUSE_MS;
  let timer = 0;

  function read() {
    try {
      return JSON.parse(localStorage.getItem(key) ?? "[]");
    } catch {
      return memory;
    }
  }

  function write(answers) {
    memory = answers;
    try {
      if (answers.length) localStorage.setItem(key, JSON.stringify(answers));
      else localStorage.removeItem(key);
    } catch {
      // A browser that keeps nothing still sends what this page holds.
    }
    tell(answers, trouble);
  }

  function add(answer) {
    write([...read(), answer]);
    send();
  }

  async function send() {
    if (isSending) return;
    isSending = true;
    clearTimeout(timer);
    let next = read()[0];
    while (next) {
      const failure = await post(next);
      if (failure) {
        trouble = failure;
        timer = setTimeout(send, pause);
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
        break;
      }
      trouble = "";
      pause = PAUSE_MS;
      const sent = next.answer_id;
      write(read().filter((each) => each.answer_id !== sent));
      next = read()[0];
    }
    isSending = false;
    tell(read(), trouble);
  }

  // Returns why the answer still waits; empty when the server has it, or will never take it.
  async function post(answer) {
    let reply;
    try {
      reply = await fetch(place, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(answer) });
    } catch {
      return "The server cannot be reached.";
    }
    if (reply.ok) return "";
    if (reply.status === 401) return "You are no longer logged in: log in again in another tab.";
    if (reply.status >= 500) return "The server cannot keep answers just now.";
    const error = await reply.json().then((body) => body.error, () => ({ message: `status ${reply.status}` }));
    refuse(answer, error);
    return "";
  }

  addEventListener("online", send);
  return { add, send, waiting: read };
}
