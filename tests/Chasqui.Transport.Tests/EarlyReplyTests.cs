using System.Text;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;

namespace Chasqui.Transport.Tests;

/// <summary>A reply that comes before all of its request has left.</summary>
public sealed class EarlyReplyTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);

    private static HeaderList Ok => new HeaderList().Add("status", "200");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_the_peer_says_of_that_stream_later_is_of_no_other_call(bool inline)
    {
        await using var peer = await RawPeer.OpenAsync(
            options: new ConnectionOptions { InlineReplies = inline }, subject: ConnectionRole.Connector, hello: new Settings { StreamCredit = 1024 });
        var first = peer.Subject.CallAsync(Pair.Op(), new byte[100_000], ct: TestContext.Current.CancellationToken).AsTask();
        var early = await peer.ReadAsync(FrameType.Request);
        await peer.SendAsync(peer.Head(FrameType.Response, early.Stream, FrameFlags.Message | FrameFlags.End, Ok, "one"u8.ToArray()));
        using (var reply = await first.WaitAsync(_limit, TestContext.Current.CancellationToken))
            Assert.Equal("one", Encoding.ASCII.GetString(reply.Body.Span));

        var second = peer.Subject.CallAsync(Pair.Op(), new byte[10], ct: TestContext.Current.CancellationToken).AsTask();
        var next = await peer.ReadAsync(FrameType.Request);
        await peer.SendAsync(RawPeer.Reset(early.Stream, ErrorCode.NoError));
        await peer.SendAsync(peer.Head(FrameType.Response, next.Stream, FrameFlags.Message | FrameFlags.End, Ok, "two"u8.ToArray()));

        using var answer = await second.WaitAsync(_limit, TestContext.Current.CancellationToken);
        Assert.Equal("two", Encoding.ASCII.GetString(answer.Body.Span));
    }
}
