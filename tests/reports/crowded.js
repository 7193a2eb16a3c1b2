// Returns every text of a figure that is cut off at the edge of the window, and every two that cover each other.
() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
    const texts = [...svg.querySelectorAll('text')].filter(text => text.textContent.trim()).map(text => {
        const box = text.getBoundingClientRect(), air = 0.22 * box.height;
        const name = text.textContent, {left, right, top, bottom} = box;
        return {name, left, right, top: top + air, bottom: bottom - air};
    });
    const cut = texts.filter(text => text.left < 0 || text.right > document.documentElement.clientWidth);
    const covered = texts.flatMap((one, place) => texts.slice(place + 1).filter(other =>
        Math.min(one.right, other.right) > Math.max(one.left, other.left) + 1 &&
        Math.min(one.bottom, other.bottom) > Math.max(one.top, other.top) + 1).map(other => [one, other]));
    return [...cut.map(one => ['cut', one.name]), ...covered.map(([one, other]) => [one.name, other.name])];
})
