// What is wrong with how a page reads: labels, names, sideways scrolling, contrast.
() => {
  const problems = [];
  const name = (e) => `${e.tagName.toLowerCase()}${e.id ? "#" + e.id : ""}.${e.className}`;
  const seen = (e) => e.checkVisibility({ contentVisibilityAuto: true, opacityProperty: true, visibilityProperty: true });
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) problems.push(`scrolls sideways by ${wide}`);
  if (document.querySelectorAll("h1").length !== 1) problems.push("not one h1");
  if (!document.documentElement.lang) problems.push("no language");
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!e.labels.length && !e.getAttribute("aria-label")) problems.push(`no label: ${name(e)}`);
  for (const e of document.querySelectorAll("a, button, summary"))
    if (!(e.textContent.trim() || e.getAttribute("aria-label"))) problems.push(`no name: ${name(e)}`);
  for (const e of document.querySelectorAll("img")) if (!e.hasAttribute("alt")) problems.push(`no alt: ${name(e)}`);
  for (const e of document.querySelectorAll("svg:not([aria-hidden])"))
    if (!e.closest("[aria-hidden]") && !e.getAttribute("aria-label")) problems.push(`unnamed drawing: ${name(e)}`);
  for (const e of document.querySelectorAll("thead th"))
    if (!e.scope) problems.push(`no scope: ${name(e)} ${e.textContent}`);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) problems.push(`twice: #${id}`);
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parse = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, below) => top.map((part, at) => (at < 3 ? part * (top[3] / 255) + below[at] * (1 - top[3] / 255) : 255));
  const ground = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 255]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || e.closest("svg, script, option, .sr, .skip, .hero") || !seen(e)) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(over(parse(style.color), ground(e))), light(ground(e))].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) problems.push(`contrast ${ratio.toFixed(2)}: ${name(e)} "${e.textContent.trim().slice(0, 30)}"`);
  }
  return [...new Set(problems)];
}
