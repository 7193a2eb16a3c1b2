// Given the least contrast, returns every text of the page that has less, with its contrast and its two colours.
least => {
  const canvas = document.createElementNS('http://www.w3.org/1999/xhtml', 'canvas');
  const context = canvas.getContext('2d', {willReadFrequently: true});
  canvas.width = canvas.height = 1;

  // any CSS colour as [red, green, blue, opacity], the first three from 0 to 255
  const known = {};
  const channels = colour => known[colour] ??= (() => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  })();
  const over = (top, share, ground) => ground.map((value, i) => share * top[i] + (1 - share) * value);
  const luminance = colour => {
    const [r, g, b] = colour.map(value => value / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };

  const ancestors = element => element ? [...ancestors(element.parentElement), element] : [];
  const opacity = element => ancestors(element).reduce((share, one) => share * getComputedStyle(one).opacity, 1);
  const blank = getComputedStyle(document.documentElement).colorScheme === 'dark' ? [18, 18, 18] : [255, 255, 255];
  const backdrop = element => ancestors(element).reduce((ground, one) => {
    const [r, g, b, a] = channels(getComputedStyle(one).backgroundColor);
    return over([r, g, b], a, ground);
  }, blank);

  // areas of a figure that lie under the middle of a text, the lowest first; a line is one where it is thick
  const areas = text => {
    const box = text.getBBox();
    const middle = new DOMPoint(box.x + box.width / 2, box.y + box.height / 2).matrixTransform(text.getCTM());
    const shapes = [...text.ownerSVGElement.querySelectorAll('path, rect, circle')];
    return shapes.filter(one => text.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_PRECEDING).flatMap(one => {
      if (one.closest('defs')) return [];
      const at = middle.matrixTransform(one.getCTM().inverse()), style = getComputedStyle(one), found = [];
      const add = (colour, share) => found.push([channels(colour), share * opacity(one)]);
      if (style.fill !== 'none' && one.isPointInFill(at)) add(style.fill, style.fillOpacity);
      const thick = style.stroke !== 'none' && parseFloat(style.strokeWidth) >= 6;
      if (thick && one.isPointInStroke(at)) add(style.stroke, style.strokeOpacity);
      return found;
    });
  };
  const ground = element => !element.ownerSVGElement ? backdrop(element)
    : areas(element).reduce((below, [colour, share]) => over(colour, share * colour[3], below), backdrop(element));

  const faint = [];
  const words = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const element = words.currentNode.parentElement, drawn = element.ownerSVGElement;
    const swatch = words.currentNode.data.trim() === '■';  // shows a colour, says nothing
    if (swatch || !words.currentNode.data.trim() || element.closest('style, title, script')) continue;
    if (!element.getClientRects().length || !element.checkVisibility()) continue;
    const style = getComputedStyle(element), behind = ground(element);
    const [r, g, b, a] = channels(drawn ? style.fill : style.color);
    const share = a * opacity(element) * (drawn ? style.fillOpacity : 1);
    const found = contrast(over([r, g, b], share, behind), behind);
    if (found < least) faint.push([words.currentNode.data.trim(), Math.round(found * 100) / 100, [r, g, b], behind]);
  }
  return faint;
}
