using System.Text.Json;
using Chasqui.Protocol;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Transport.Tests;

/// <summary>docs/protocol/conversations.json: what a connection does for frames that come in.</summary>
public sealed class ConversationTests
{
    private static readonly JsonElement _file = Read();

    public static TheoryData<string> All() => [.. Conversations.Select(c => Text(c, "name"))];

    private static IEnumerable<JsonElement> Conversations => _file.GetProperty("conversations").EnumerateArray();

    [Theory]
    [MemberData(nameof(All))]
    public async Task A_conversation_goes_as_the_vector_says(string name)
    {
        var vector = Conversations.Single(c => Text(c, "name") == name);
        await using var side = new HeldSide(vector, _file.GetProperty("hello").GetString()!);

        await side.PlayAsync();

        var expected = vector.GetProperty("expect");
        if (expected.TryGetProperty("goodbye", out var goodbye))
            await side.Peer.ClosedAsync(CodeOf(goodbye));
        else if (expected.TryGetProperty("closed", out var closed))
            Assert.Equal((CodeOf(closed), true), await side.ClosedByPeerAsync());
        else
            await side.IsOpenAsync();
        if (expected.TryGetProperty("streams", out var streams))
        {
            foreach (var stream in streams.EnumerateObject())
                await side.CheckAsync(uint.Parse(stream.Name, System.Globalization.CultureInfo.InvariantCulture), stream.Value);
        }
    }

    [Fact]
    public async Task A_peer_that_returns_the_credit_of_each_message_is_no_flood()
    {
        // A clock that stands still refills no allowance.
        var options = new ConnectionOptions { Time = new FakeTimeProvider(), ControlFramesBurst = 50 };
        await using var peer = await RawPeer.OpenAsync(Pair.EchoAsync, options);
        await peer.SendAsync(peer.Request(1, FrameFlags.None));
        await peer.ReadAsync(FrameType.Response);

        for (var i = 0; i < 200; i++)
        {
            await peer.SendAsync(RawPeer.Data(1, FrameFlags.None, "x"u8));
            Assert.Equal("x", await peer.ReadMessageAsync(1));
            await peer.SendAsync(RawPeer.Credit(1, 16), RawPeer.Credit(0, 16));
        }

        await peer.SendAsync(RawPeer.Data(1, FrameFlags.None, "still here"u8));
        Assert.Equal("still here", await peer.ReadMessageAsync(1));
    }

    private static string Text(JsonElement element, string property) => element.GetProperty(property).GetString()!;

    internal static ErrorCode CodeOf(JsonElement name) =>
        Enum.GetValues<ErrorCode>().Single(c => string.Equals(c.ToString(), name.GetString()!.Replace("_", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase));

    private static JsonElement Read()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "docs", "protocol", "conversations.json")))
            folder = folder.Parent ?? throw new DirectoryNotFoundException("docs/protocol is in no folder above the tests");
        return JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder.FullName, "docs", "protocol", "conversations.json"))).RootElement;
    }
}
