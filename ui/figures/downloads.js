// Downloads of the chart above: what the browser shows, as SVG or PNG, and the numbers behind it as CSV.

const SCALE = 3; // pixels of the PNG for each of the screen's
const MARGIN = 16; // px around the chart, which fills its place to the edge
const SPACE = "http://www.w3.org/2000/svg";

export default function (component) {
  const { parentElement, data } = component;
  const row = parentElement.querySelector(".downloads");
  row.replaceChildren(Object.assign(document.createElement("span"), { textContent: "Download" }));
  for (const kind of [...data.pictures, "CSV"]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = kind;
    button.setAttribute("aria-label", `Download ${data.name} as ${kind}`);
    button.addEventListener("click", () => download(kind, data));
    row.append(button);
  }
}

async function download(kind, data) {
  const file = `${data.name}.${kind.toLowerCase()}`;
  if (kind === "CSV") {
    save(new Blob(["\ufeff", data.csv], { type: "text/csv" }), file); // the mark tells Excel that it is UTF-8
    return;
  }
  const chart = document.querySelector(`.st-key-${CSS.escape(data.chart)} .js-plotly-plot`);
  if (!chart) return; // not drawn yet
  const drawing = picture(chart);
  const text = new XMLSerializer().serializeToString(drawing);
  const blob = new Blob([text], { type: "image/svg+xml" });
  save(kind === "SVG" ? blob : await toPng(text, drawing), file);
}

// Plotly draws in several layers, one SVG each, over one another.
function picture(chart) {
  const box = chart.getBoundingClientRect();
  const [width, height] = [box.width + 2 * MARGIN, box.height + 2 * MARGIN];
  const drawing = document.createElementNS(SPACE, "svg");
  drawing.setAttribute("xmlns", SPACE);
  drawing.setAttribute("width", width);
  drawing.setAttribute("height", height);
  drawing.setAttribute("viewBox", `${-MARGIN} ${-MARGIN} ${width} ${height}`);
  drawing.setAttribute("font-family", "'Source Sans', 'Source Sans 3', Arial, sans-serif");
  const ground = document.createElementNS(SPACE, "rect");
  ground.setAttribute("x", -MARGIN);
  ground.setAttribute("y", -MARGIN);
  ground.setAttribute("width", width);
  ground.setAttribute("height", height);
  ground.setAttribute("fill", getComputedStyle(document.querySelector(".stApp")).backgroundColor);
  drawing.append(ground);
  for (const layer of chart.querySelectorAll(".main-svg")) {
    for (const child of layer.children) {
      if (!child.classList.contains("hoverlayer")) drawing.append(child.cloneNode(true));
    }
  }
  return drawing;
}

async function toPng(text, drawing) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = SCALE * Number(drawing.getAttribute("width"));
  canvas.height = SCALE * Number(drawing.getAttribute("height"));
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function save(blob, file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
