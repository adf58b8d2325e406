// SPDX-License-Identifier: Apache-2.0
// SIEVE for tools that write stores: the product's own, since there is one.

package import WarpFormat
import WarpKV

/// Chooses the victims of a shard as a store's users do.
package let sievePolicy: VictimPolicy = Sieve.policy
