import WarpFormat
struct InvalidFixtures { let directory: String; let valid: [String]; func make() throws {} }
