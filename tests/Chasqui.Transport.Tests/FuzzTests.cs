using System.Diagnostics;
using Chasqui.Protocol;

namespace Chasqui.Transport.Tests;

/// <summary>Conversations that were changed at random: a connection ends with a documented reason, never with a failure of its own, and never hangs.</summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private static readonly TimeSpan _time = TimeSpan.FromSeconds(3);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Conversations_that_were_changed_at_random()
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var codes = new Dictionary<ErrorCode, int>();
        var conversation = SplitTests.Conversation();
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < _time;)
        {
            var bytes = Change(random, conversation);
            await using var peer = new RawPeer(Pair.EchoAsync);
            await peer.SendAsync(bytes);
            await peer.CutAsync();
            var reason = await peer.Subject.Closed.WaitAsync(Pair.Limit, Cancellation);
            Assert.False(
                reason is { Code: ErrorCode.Internal, ByPeer: false } || !Enum.IsDefined(reason.Code), $"seed {seed}: {Convert.ToHexString(bytes)} ended with {reason}");
            codes[reason.Code] = codes.GetValueOrDefault(reason.Code) + 1;
        }

        output.WriteLine(string.Join(", ", codes.Select(c => $"{c.Key} {c.Value}")));
        Assert.True(codes.Count > 3);
    }

    private static byte[] Change(Random random, byte[] source)
    {
        var bytes = source.ToList();
        for (var i = random.Next(4); i >= 0; i--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes.Insert(at, (byte)random.Next(256)); break;
                case 3: bytes.RemoveAt(at); break;
                default:
                    // Frames again, or out of order.
                    bytes.InsertRange(at, source.Skip(random.Next(source.Length)).Take(random.Next(60)));
                    break;
            }
        }

        return [.. bytes];
    }
}
