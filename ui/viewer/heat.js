// The map over the film: gray values painted through a colour table, alpha following the value.

export function decodeTable(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

// RGBA bytes of a map. `gray` holds RGBA bytes too, of which the first is read; what lies below `floor` is clear.
export function painted(gray, table, floor) {
  const colours = new Uint8ClampedArray(gray.length);
  for (let i = 0; i < gray.length; i += 4) {
    const value = gray[i];
    colours[i] = table[3 * value];
    colours[i + 1] = table[3 * value + 1];
    colours[i + 2] = table[3 * value + 2];
    colours[i + 3] = value >= floor ? value : 0;
  }
  return colours;
}

function paintLegend(canvas, table) {
  const row = new ImageData(canvas.width, 1);
  for (let x = 0; x < canvas.width; x += 1) {
    const value = Math.floor(((x + 0.5) * 256) / canvas.width);
    row.data.set([table[3 * value], table[3 * value + 1], table[3 * value + 2], 255], 4 * x);
  }
  canvas.getContext("2d").putImageData(row, 0, 0);
}

// Load and paint the map that is seen.
export async function showMap(viewer) {
  const { heat } = viewer;
  viewer.mapTools.hidden = !heat || heat.flat;
  viewer.map.hidden = !heat || heat.flat;
  viewer.caption.textContent = mapCaption(heat);
  if (!heat || heat.image === viewer.mapped) return;
  viewer.mapped = heat.image;
  viewer.values = null; // no map of another film, not for a moment
  viewer.map.width = 0;
  delete viewer.root.dataset.painted;
  const values = await grayOf(heat.image);
  if (viewer.mapped !== heat.image) return; // another map came meanwhile
  viewer.values = values;
  paintMap(viewer);
}

export function paintMap(viewer) {
  const { look, map, values } = viewer;
  const table = decodeTable(viewer.data.tables[look.colours]);
  const floor = Math.round(look.threshold * 255);
  viewer.threshold.value.textContent = look.threshold.toFixed(2);
  paintLegend(viewer.legend, table);
  if (!values) return;
  [map.width, map.height] = [values.width, values.height];
  const picture = new ImageData(painted(values.data, table, floor), values.width, values.height);
  map.getContext("2d").putImageData(picture, 0, 0);
  map.style.opacity = look.opacity;
  viewer.root.dataset.painted = `${look.colours} ${floor}`;
}

export function mapCaption(heat) {
  if (!heat) return "";
  if (heat.flat) return `${heat.title}: the map is the same everywhere and says nothing about this film.`;
  return heat.knowsClass
    ? `${heat.title}: bright where the model found what speaks for a fracture.`
    : `${heat.title}: bright where the network was active, whatever its answer.`;
}

// The gray values of a picture's address, as ImageData.
async function grayOf(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
