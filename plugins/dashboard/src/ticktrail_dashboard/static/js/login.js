// Owns: what the way in says where a token is not taken. Without this script the form works too.
const root = document.documentElement;
const form = document.querySelector("form");
const field = document.querySelector("#token");
const button = form.querySelector("button");
const failed = document.querySelector("#failed");

function refuse(text) {
  failed.textContent = text;
  root.dataset.failed = "true";
  field.setAttribute("aria-invalid", "true");
  field.select();
  field.focus();
}

function reason(answer) {
  if (answer.status === 401) return "That is not the token of this feed. Check it and try again.";
  if (answer.status === 429) {
    return `Too many wrong tokens were tried. Wait ${answer.headers.get("Retry-After") ?? "5"} seconds and try again.`;
  }
  return `The server refused with status ${answer.status}.`;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
    });
    if (answer.ok) window.location.assign("./");
    else refuse(reason(answer));
  } catch (error) {
    refuse(`The feed does not answer (${error.message}).`);
  } finally {
    button.disabled = false;
  }
});
