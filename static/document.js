/* The document as text: a Problem's place is shown in the text when it is clicked. */
"use strict";
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-line]");
  if (!link) return;
  const text = document.getElementById("text");
  const lines = text.value.split("\n");
  const line = Math.min(Number(link.dataset.line), lines.length);
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  event.preventDefault();
  text.focus();
  text.setSelectionRange(start, start + lines[line - 1].length);
  const height = text.scrollHeight / lines.length;
  text.scrollTop = Math.max(0, (line - 4) * height);
  text.scrollIntoView({ block: "nearest" });
});
