// SPDX-License-Identifier: Apache-2.0
// `warp-inspect report`: one page of HTML about a store. What is on it is in Facts/ReportPage.swift.

import ArgumentParser
import WarpFormat
import WarpTrace

struct Report: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a page about a store: checks, map, sizes, times, tables.",
    discussion: """
      The page stands alone: it needs no network and runs no script, follows the
      reader's choice of light or dark, and says of each number what it is.

      The hit-ratio curve is that of the requests that the store has recorded, or of
      those in a file that --trace names (see the help of advise).

      It reads the whole store, as verify does. An existing FILE is replaced once the
      page is whole.

      Examples:
        warp-inspect report sessions -o report.html
        warp-inspect report ./cache.warp --trace requests.csv.zst -o cache.html
        warp-inspect report sessions -o - | mail -s "sessions" me
      """)

  @OptionGroup var options: StoreOptions

  @Option(
    name: [.short, .long], help: "The page's file; - is standard output.", completion: .file(extensions: ["html"]))
  var output: String

  @Option(help: "Requests to replay for the curve.", completion: .file())
  var trace: String?

  func validate() throws {
    if options.json, output == "-" {
      throw ValidationError("--json and the page can't both go to standard output.")
    }
  }

  func run() throws {
    try options.inspect { image, out in
      let advice = try trace.map { try Report.advice($0, image) } ?? Report.recordedAdvice(image)
      let page = ReportPage(
        facts: try StoreFacts(image), examination: try Examination(image), occupancy: try Occupancy(image),
        advice: advice, time: System.realTime())
      let text = page.document()
      if output == "-" {
        try out.write(text)
        return true
      }
      try OutputFile.write(Array(text.utf8), to: output)
      if options.json {
        try out.line(
          JSON.object([
            ("path", .string(image.path)), ("output", .string(output)), ("bytes", .number(text.utf8.count)),
            ("severity", .string("\(page.severity)")),
          ]).text())
      } else {
        try out.line("\(output.shown): \(Numbers.bytes(text.utf8.count)); worst check: \(page.severity)")
      }
      return true
    }
  }

  /// The curve of what the store has recorded; nil if that is nothing or too little.
  private static func recordedAdvice(_ image: FileImage) throws -> Advice? {
    guard let log = try image.lock?.requestLog() else { return nil }
    return try Advise.parse([image.path]).curve(RecordedRequests(log), of: image)
  }

  /// The curve of a trace around the capacity that the store has.
  private static func advice(_ path: String, _ image: FileImage) throws -> Advice {
    do {
      let geometry = image.geometry
      let advise = try Advise.parse([
        path, "--capacity", "\(geometry.capacity)", "--key-size", "\(geometry.maxKeySize)", "--value-size",
        "\(geometry.maxValueSize)",
      ])
      return try advise.advice(try Trace.read(path))
    } catch let error as TraceError {
      throw FormatError(.invalidArgument, error.description)
    }
  }
}
