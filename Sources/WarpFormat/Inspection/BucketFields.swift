// SPDX-License-Identifier: Apache-2.0
// A bucket as fields (SPEC.md §5.4), for those who show it. Programs read and write it as one word.

/// One cell of a shard's table.
package enum BucketFields {
  package static var word: Field { Field("word", 0, 8, .hex) }
  package static var slot: Field { Field("slot", 0, 4) }
  package static var fingerprint: Field { Field("fingerprint", 4, 4, .hex) }

  package static var structure: Structure {
    Structure(name: "Bucket", size: Format.bucketSize, fields: [slot, fingerprint])
  }
}
