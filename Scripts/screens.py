# SPDX-License-Identifier: Apache-2.0
"""What a program shows: on a terminal, as the cells of a tmux pane, drawn as SVG; on a page, as a photograph."""
import html
import os
import re
import subprocess
import tempfile
import time

CELL = (8.4, 18)
# The 16 colours of a terminal, as they look on the two grounds.
LIGHT = ["#1a1d21", "#b3261e", "#2e7d4f", "#b7791f", "#2f6fd0", "#9c2f86", "#0f7b8a", "#68707a",
         "#68707a", "#b3261e", "#2e7d4f", "#b7791f", "#2f6fd0", "#9c2f86", "#0f7b8a", "#1a1d21"]
DARK = ["#14171a", "#f2705f", "#58b883", "#e0a84a", "#79a7f2", "#e07cc9", "#45b9c9", "#c6ccd3",
        "#98a1ac", "#f2705f", "#58b883", "#e0a84a", "#79a7f2", "#e07cc9", "#45b9c9", "#eceff3"]


def run(command, columns, rows, seconds, cwd=None, keys=()):
    """What stands on a terminal of this size after so many seconds, with its escape sequences.

    A program that ended is kept on the screen; one that runs on is ended afterwards."""
    with tempfile.TemporaryDirectory() as place:
        server = ["tmux", "-S", f"{place}/socket", "-f", "/dev/null"]
        environment = dict(os.environ, TERM="xterm-256color", LANG="C.UTF-8", COLORTERM="truecolor")
        for name in ("COLUMNS", "LINES", "NO_COLOR", "TMUX"):
            environment.pop(name, None)
        started = [*server, "-u", "new-session", "-d", "-x", str(columns), "-y", str(rows), "-s", "one", "sleep 3600"]
        subprocess.run(started, check=True, cwd=cwd, env=environment)
        try:
            tmux = lambda *words: subprocess.run([*server, *words], check=True, stdout=subprocess.PIPE, text=True).stdout
            tmux("set", "-g", "status", "off")
            tmux("set", "-g", "remain-on-exit", "on")
            tmux("set", "-g", "remain-on-exit-format", "")
            tmux("set", "-g", "default-terminal", "tmux-256color")
            tmux("respawn-pane", "-k", "-t", "one", "exec " + " ".join(quoted(word) for word in command))
            end = time.monotonic() + seconds
            for key in keys:
                time.sleep(0.5)
                tmux("send-keys", "-t", "one", key)
            while time.monotonic() < end:
                time.sleep(0.2)
                if tmux("display-message", "-p", "-t", "one", "#{pane_dead}").strip() == "1":
                    break
            return tmux("capture-pane", "-e", "-p", "-t", "one").rstrip("\n")
        finally:
            subprocess.run([*server, "kill-server"], stderr=subprocess.DEVNULL)


def quoted(word):
    return "'" + word.replace("'", "'\\''") + "'"


class Pen:
    """The rendition that the next cells have."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.fore = self.back = None
        self.bold = self.faint = self.reverse = False

    def take(self, parameters):
        numbers = [int(number or 0) for number in parameters.split(";")] if parameters else [0]
        while numbers:
            number = numbers.pop(0)
            if number == 0:
                self.reset()
            elif number in (1, 2, 7):
                setattr(self, {1: "bold", 2: "faint", 7: "reverse"}[number], True)
            elif number == 22:
                self.bold = self.faint = False
            elif number == 27:
                self.reverse = False
            elif 30 <= number <= 37 or 90 <= number <= 97:
                self.fore = number - 30 if number < 90 else number - 82
            elif 40 <= number <= 47 or 100 <= number <= 107:
                self.back = number - 40 if number < 100 else number - 92
            elif number in (39, 49):
                setattr(self, "fore" if number == 39 else "back", None)
            elif number in (38, 48) and numbers:
                kind = numbers.pop(0)
                color = None
                if kind == 5 and numbers:
                    color = indexed(numbers.pop(0))
                elif kind == 2 and len(numbers) >= 3:
                    color = "#{:02x}{:02x}{:02x}".format(*numbers[:3])
                    del numbers[:3]
                setattr(self, "fore" if number == 38 else "back", color)


def indexed(number):
    if number < 16:
        return number
    if number >= 232:
        return "#{0:02x}{0:02x}{0:02x}".format(8 + 10 * (number - 232))
    levels = [0, 95, 135, 175, 215, 255]
    number -= 16
    return "#{:02x}{:02x}{:02x}".format(levels[number // 36], levels[number // 6 % 6], levels[number % 6])


def cells(line):
    """Pieces of a line that look the same: column, text, fore, back, bold, faint."""
    pen, column = Pen(), 0
    for part in re.findall(r"\x1b\[([0-9;]*)m|\x1b[^m]*?[A-Za-z]|\x0f|([^\x1b\x0f]+)", line):
        if part[1]:
            fore, back = (pen.back, pen.fore) if pen.reverse else (pen.fore, pen.back)
            if pen.reverse:
                fore, back = ("ground" if fore is None else fore), ("text" if back is None else back)
            yield column, part[1], fore, back, pen.bold, pen.faint
            column += len(part[1])
        else:
            pen.take(part[0])


def svg(text, columns, title):
    """The screen as a drawing that follows the reader's choice of light or dark."""
    lines = text.split("\n")
    width, height = columns * CELL[0] + 32, len(lines) * CELL[1] + 32 + 26
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
           f'height="{height:.0f}" role="img" font-family="ui-monospace, \'DejaVu Sans Mono\', Menlo, monospace" '
           'font-size="14">', f"<title>{html.escape(title)}</title>", f"<style>{style()}</style>",
           '<rect width="100%" height="100%" rx="8" class="b-ground"/>',
           f'<text x="16" y="24" class="f-7" xml:space="preserve">$ {html.escape(title)}</text>']
    for row, line in enumerate(lines):
        y = 16 + 26 + row * CELL[1]
        for column, piece, fore, back, bold, faint in cells(line):
            x, size = 16 + column * CELL[0], len(piece) * CELL[0]
            if back is not None:
                out.append(f'<rect x="{x:.1f}" y="{y}" width="{size + 0.3:.1f}" height="{CELL[1]}" {paint(back, "b")}/>')
            if piece.strip():
                look = (' font-weight="600"' if bold else "") + (' opacity="0.6"' if faint else "")
                out.append(f'<text x="{x:.1f}" y="{y + 13.5}" textLength="{size:.1f}" lengthAdjust="spacingAndGlyphs" '
                           f'xml:space="preserve" {paint("text" if fore is None else fore, "f")}{look}>'
                           f"{html.escape(piece)}</text>")
    return "\n".join(out) + "\n</svg>\n"


def paint(color, kind):
    if isinstance(color, str) and color.startswith("#"):
        return f'fill="{color}"'
    return f'class="{kind}-{color}"'


def style():
    def sheet(palette, ground, text):
        rules = [f".f-{index},.b-{index}{{fill:{color}}}" for index, color in enumerate(palette)]
        return "".join(rules) + f".f-text,.b-text{{fill:{text}}}.f-ground,.b-ground{{fill:{ground}}}"

    return sheet(LIGHT, "#f6f7f9", "#1a1d21") + "@media (prefers-color-scheme:dark){" + \
        sheet(DARK, "#14171a", "#d7dce2") + "}"


def photograph(page, picture, mode, width, height):
    """A page as headless Chromium shows it; mode is light or dark.

    Chromium does not always start: it has three tries, each with a profile of its own."""
    for left in (2, 1, 0):
        # What a Chromium that hangs still writes there may stay.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            try:
                subprocess.run(
                    ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                     f"--user-data-dir={profile}",
                     f"--blink-settings=preferredColorScheme={0 if mode == 'dark' else 1}",
                     f"--window-size={width},{height}", f"--screenshot={picture}", f"file://{os.path.abspath(page)}"],
                    check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
                return
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
                if left == 0:
                    raise
