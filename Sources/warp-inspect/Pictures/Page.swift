// SPDX-License-Identifier: Apache-2.0
// A page of HTML that stands alone: no network, no script, one style sheet, light or dark as the reader prefers. It can be
// kept, mailed and printed.
//
// - Every number has its definition beside it or below it: nobody must look it up.
// - Whatever comes from a store is escaped (`SVG.escaped`); the page holds no link and loads nothing, and says so to the
//   browser (Content-Security-Policy).

struct Page {
  let title: String
  private var body = ""

  init(title: String) { self.title = title }

  /// A number of the first screen.
  struct Tile {
    let name: String
    let value: String
    /// What the number is.
    let definition: String
    var tone = Tone.strong
  }

  /// A table; its columns say what they hold.
  struct Table {
    struct Column {
      let name: String
      let definition: String
      var isNumber = false
    }

    let columns: [Column]
    var rows: [[String]]
  }

  mutating func heading(_ text: String, under: String) {
    body += "<header><h1>\(SVG.escaped(text))</h1><p class=\"faint\">\(SVG.escaped(under))</p></header>\n"
  }

  mutating func section(_ title: String, _ note: String? = nil) {
    body += "<h2>\(SVG.escaped(title))</h2>\n"
    if let note { paragraph(note) }
  }

  mutating func paragraph(_ text: String, _ tone: Tone? = nil) {
    let name = tone.map { " class=\"t-\($0.rawValue)\"" } ?? ""
    body += "<p\(name)>\(SVG.escaped(text))</p>\n"
  }

  mutating func list(_ lines: [(text: String, tone: Tone)]) {
    body += "<ul>"
    for line in lines { body += "<li class=\"t-\(line.tone.rawValue)\">\(SVG.escaped(line.text))</li>" }
    body += "</ul>\n"
  }

  mutating func tiles(_ tiles: [Tile]) {
    body += "<div class=\"tiles\">\n"
    for tile in tiles {
      body +=
        "<div class=\"tile\"><div class=\"name\">\(SVG.escaped(tile.name))</div>"
        + "<div class=\"value t-\(tile.tone.rawValue)\">\(SVG.escaped(tile.value))</div>"
        + "<div class=\"faint\">\(SVG.escaped(tile.definition))</div></div>\n"
    }
    body += "</div>\n"
  }

  mutating func picture(_ picture: SVG, caption: String) {
    body +=
      "<figure><div class=\"wide\">\(picture.document(isAlone: false))</div>"
      + "<figcaption class=\"faint\">\(SVG.escaped(caption))</figcaption></figure>\n"
  }

  mutating func table(_ table: Table) {
    func cell(_ tag: String, _ text: String, _ column: Table.Column) -> String {
      "<\(tag)\(column.isNumber ? " class=\"number\"" : "")>\(SVG.escaped(text))</\(tag)>"
    }
    body += "<div class=\"wide\"><table><thead><tr>"
    for column in table.columns { body += cell("th", column.name, column) }
    body += "</tr></thead><tbody>\n"
    for row in table.rows {
      body += "<tr>" + zip(row, table.columns).map { cell("td", $0, $1) }.joined() + "</tr>\n"
    }
    body += "</tbody></table></div>\n<dl class=\"faint\">"
    for column in table.columns where !column.definition.isEmpty {
      body += "<dt>\(SVG.escaped(column.name))</dt><dd>\(SVG.escaped(column.definition))</dd>"
    }
    body += "</dl>\n"
  }

  func document() -> String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
    <title>\(SVG.escaped(title))</title>
    <style>
    \(Page.style)
    \(SVG.style)
    </style>
    </head>
    <body>
    <main>
    \(body)</main>
    </body>
    </html>

    """
  }

  private static let style: String = {
    func tones(_ color: (Tone) -> String) -> String {
      Tone.allCases.map { ".t-\($0.rawValue){color:\(color($0))}" }.joined()
    }
    func colors(_ back: String, _ card: String, _ rule: String, _ color: (Tone) -> String) -> String {
      ":root{--back:\(back);--card:\(card);--rule:\(rule);--text:\(color(.strong));--faint:\(color(.faint))}"
        + tones(color)
    }
    return """
      \(colors("#ffffff", "#f6f7f9", "#dfe3e8") { $0.light })
      @media (prefers-color-scheme:dark){\(colors("#14171a", "#1c2025", "#343a41") { $0.dark })}
      *{box-sizing:border-box}
      body{margin:0;background:var(--back);color:var(--text);font:15px/1.5 system-ui,"DejaVu Sans",sans-serif}
      main{max-width:1080px;margin:0 auto;padding:24px 20px 64px}
      h1{font-size:26px;margin:0;overflow-wrap:anywhere}h2{font-size:18px;margin:36px 0 8px}
      p{margin:6px 0;max-width:76ch}.faint{color:var(--faint);font-size:13px}
      .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(200px,1fr));gap:12px;margin:16px 0}
      .tile{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:12px 14px}
      .tile .value{font-size:22px;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
      .wide{overflow-x:auto}figure{margin:12px 0}figure svg{max-width:100%;height:auto}
      table{border-collapse:collapse;font-size:14px;margin:8px 0}
      th,td{padding:4px 12px 4px 0;text-align:left;border-bottom:1px solid var(--rule);vertical-align:top}
      .number{text-align:right;font-variant-numeric:tabular-nums}
      dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;margin:8px 0;max-width:76ch}dd{margin:0}
      ul{margin:8px 0;padding-left:20px;max-width:80ch}
      @media (max-width:560px){dl{display:block}dt{font-weight:600;margin-top:4px}}
      """
  }()
}
