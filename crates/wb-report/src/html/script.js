"use strict";
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  // A link into the page opens what it leads to.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView({ block: "center" });
  };
  addEventListener("hashchange", reveal);
  reveal();

  // Following the same link twice changes no hash.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.getAttribute("href") === location.hash) reveal();
  });

  // Copy buttons are of no use without this script, so it makes them.
  for (const box of all(".command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "copy";
    button.addEventListener("click", async () => {
      const pre = box.querySelector("pre");
      try {
        await navigator.clipboard.writeText(pre.textContent);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(pre);
        button.textContent = "selected";
      }
      setTimeout(() => { button.textContent = "copy"; }, 1500);
    });
    box.append(button);
  }

  // Zooming makes the drawing wider; its marks stand at percentages of the width.
  for (const chart of all(".chart[data-zoom]")) {
    const drawing = chart.querySelector("svg");
    const scroll = chart.querySelector(".scroll");
    let width = 1;
    const zoom = (factor, at = 0.5) => {
      const centre = (scroll.scrollLeft + at * scroll.clientWidth) / drawing.clientWidth;
      width = Math.min(64, Math.max(1, width * factor));
      drawing.setAttribute("width", `${width * 100}%`);
      scroll.scrollLeft = centre * scroll.clientWidth * width - at * scroll.clientWidth;
    };
    const bar = document.createElement("div");
    bar.className = "zoom";
    for (const [name, title, factor] of [["−", "zoom out", 0.5], ["+", "zoom in", 2]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.title = title;
      button.setAttribute("aria-label", title);
      button.addEventListener("click", () => zoom(factor));
      bar.append(button);
    }
    chart.append(bar);
    scroll.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const box = scroll.getBoundingClientRect();
      zoom(event.deltaY < 0 ? 1.4 : 1 / 1.4, (event.clientX - box.left) / box.width);
    }, { passive: false });
  }

  const form = document.querySelector("form.filter");
  if (form) {
    const rows = all(".rows > details").map((row) => ({
      row,
      mark: document.querySelector(`svg a[href="#${row.id}"]`),
      text: row.querySelector("summary").textContent.toLowerCase() + " " +
        (row.querySelector(".raw .hit")?.textContent ?? "").toLowerCase(),
    }));
    const output = form.querySelector("output");
    const apply = () => {
      const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
      const { kind, source } = form.elements;
      const key = form.elements.key.checked;
      let shown = 0;
      for (const { row, mark, text } of rows) {
        const fits = words.every((word) => text.includes(word)) &&
          (!kind.value || row.dataset.kind === kind.value) &&
          (!source.value || row.dataset.source === source.value) &&
          (!key || row.dataset.key);
        row.hidden = !fits;
        mark?.classList.toggle("off", !fits);
        shown += fits;
      }
      output.textContent = `${shown} of ${rows.length}`;
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    apply();
  }

  // Paper cannot be clicked.
  addEventListener("beforeprint", () => all("details").forEach((item) => { item.open = true; }));
})();
