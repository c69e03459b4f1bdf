using System.Collections.Concurrent;
using System.Text.Json;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Transport.Tests;

/// <summary>The side of a conversation of docs/protocol/conversations.json that is held to the text, with its application.</summary>
internal sealed class HeldSide : IAsyncDisposable
{
    private readonly JsonElement _vector;
    private readonly string _hello;
    private readonly bool _isConnector;
    private readonly bool _answers;
    private readonly ConcurrentDictionary<uint, Seen> _seen = new();
    private readonly HashSet<uint> _ended = [];
    private readonly Dictionary<uint, ErrorCode> _resets = [];

    public HeldSide(JsonElement vector, string hello)
    {
        (_vector, _hello) = (vector, hello);
        _isConnector = vector.GetProperty("held").GetString() == "connector";
        _answers = !vector.TryGetProperty("answers", out var answers) || answers.GetBoolean();
        // A clock that stands still refills no allowance.
        var options = new ConnectionOptions { Settings = SettingsOf(vector), Time = new FakeTimeProvider() };
        Peer = new RawPeer(_isConnector ? null : AnswerAsync, options, _isConnector ? ConnectionRole.Connector : ConnectionRole.Acceptor);
    }

    public RawPeer Peer { get; }

    public async Task PlayAsync()
    {
        if (_isConnector)
            Assert.Equal(FrameType.Hello, (await Peer.ReadAsync()).Type);
        if (!_vector.TryGetProperty("hello", out var hello) || hello.GetBoolean())
        {
            await Peer.SendAsync(Convert.FromHexString(_hello));
            if (!_isConnector)
                Assert.Equal(FrameType.Hello, (await Peer.ReadAsync()).Type);
            await Peer.Opening.WaitAsync(Pair.Limit);
        }

        if (_vector.TryGetProperty("opens", out var opens))
        {
            foreach (var open in opens.EnumerateArray())
                await OpenAsync(open.GetProperty("stream").GetUInt32(), open.GetProperty("end").GetBoolean());
        }

        foreach (var step in _vector.GetProperty("steps").EnumerateArray())
        {
            if (step.TryGetProperty("until_end", out var stream))
                await UntilAsync(() => _ended.Contains(stream.GetUInt32()));
            else
                await Peer.SendAsync(Bytes(step));
        }
    }

    /// <summary>A HEARTBEAT is answered, after all that came before it has been handled.</summary>
    public async Task IsOpenAsync()
    {
        await Peer.SendAsync(RawPeer.Frame(FrameType.Heartbeat, 0, [0, 1, 2, 3, 4, 5, 6, 7, 8]));
        RawFrame frame;
        do
        {
            frame = await Peer.ReadAsync();
            Note(frame);
            Assert.True(frame.Type != FrameType.Goodbye || PeerSaysGoodbye(), "the connection was closed");
        }
        while (frame.Type != FrameType.Heartbeat);
        Assert.Equal(1, frame.Payload[0]);
    }

    public async Task<(ErrorCode Code, bool ByPeer)> ClosedByPeerAsync()
    {
        while (true)
        {
            try
            {
                Assert.NotEqual(FrameType.Goodbye, (await Peer.ReadAsync()).Type);
            }
            catch (EndOfStreamException)
            {
                break;
            }
        }

        await Peer.CutAsync();
        var closed = await Peer.Subject.Closed.WaitAsync(Pair.Limit);
        return (closed.Code, closed.ByPeer);
    }

    /// <summary>What the application saw of a stream, and what came out for it.</summary>
    public async Task CheckAsync(uint stream, JsonElement expected)
    {
        if (expected.TryGetProperty("reset", out var reset))
        {
            await UntilAsync(() => _resets.ContainsKey(stream));
            Assert.Equal(ConversationTests.CodeOf(reset), _resets[stream]);
            if (!expected.TryGetProperty("failed", out _))
                return;
        }

        var seen = _seen.GetOrAdd(stream, static _ => new Seen());
        await seen.Over.Task.WaitAsync(Pair.Limit);
        if (expected.TryGetProperty("messages", out var messages))
            Assert.Equal([.. messages.EnumerateArray().Select(m => m.GetString()!)], seen.Messages);
        if (expected.TryGetProperty("headers", out var headers))
            Assert.Equal(headers.EnumerateObject().Select(h => (h.Name, h.Value.GetString()!)), seen.Headers!.Select(h => (h.Name, h.Value)));
        Assert.Equal(expected.TryGetProperty("failed", out var failed) ? ConversationTests.CodeOf(failed) : null, seen.Failed);
        Assert.Equal(expected.TryGetProperty("end", out var end) && end.GetBoolean(), seen.Failed is null);
    }

    public ValueTask DisposeAsync() => Peer.DisposeAsync();

    private bool PeerSaysGoodbye() => _vector.GetProperty("steps").EnumerateArray().Any(
        s => s.TryGetProperty("in", out var hex) && Convert.FromHexString(hex.GetString()!)[5] == (byte)FrameType.Goodbye);

    private async Task OpenAsync(uint stream, bool end)
    {
        var call = await Peer.Subject.StartAsync(Pair.Op(), default, end);
        Assert.Equal(stream, call.Id);
        _ = ReadAsync(call, call.Id);
    }

    private async ValueTask AnswerAsync(IncomingCall call)
    {
        if (!_answers)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, call.Aborted);
            return;
        }

        _seen.GetOrAdd(call.Id, static _ => new Seen()).Headers = call.Headers;
        await ReadAsync(call, call.Id);
        await call.RespondAsync(Pair.Ok, default, end: true);
    }

    private async Task ReadAsync(Call call, uint id)
    {
        var seen = _seen.GetOrAdd(id, static _ => new Seen());
        try
        {
            while (await call.ReadAsync() is { } message)
            {
                using (message)
                    seen.Messages.Add(Convert.ToHexStringLower(message.Body.Span));
            }
        }
        catch (StreamException e)
        {
            seen.Failed = e.Code;
        }
        catch (ConnectionClosedException e)
        {
            seen.Failed = e.Code;
        }

        seen.Over.TrySetResult();
    }

    private async Task UntilAsync(Func<bool> seen)
    {
        while (!seen())
            Note(await Peer.ReadAsync());
    }

    private void Note(RawFrame frame)
    {
        if (frame.Type == FrameType.Reset)
        {
            var rest = (ReadOnlySpan<byte>)frame.Payload;
            _resets[frame.Stream] = (ErrorCode)Varint.Read(ref rest);
        }
        else if (frame.Type is FrameType.Response or FrameType.Data && (frame.Payload[0] & (byte)FrameFlags.End) != 0)
        {
            _ended.Add(frame.Stream);
        }
        else if (frame.Type == FrameType.Batch)
        {
            var reader = new BatchReader(frame.Payload);
            while (reader.Next())
            {
                if (reader.End)
                    _ended.Add(reader.Stream);
            }
        }
    }

    private static byte[] Bytes(JsonElement step)
    {
        var once = Convert.FromHexString(step.GetProperty("in").GetString()!);
        var times = step.TryGetProperty("times", out var count) ? count.GetInt32() : 1;
        return [.. Enumerable.Repeat(once, times).SelectMany(b => b)];
    }

    private static Settings SettingsOf(JsonElement vector)
    {
        var settings = new Settings();
        if (!vector.TryGetProperty("settings", out var given))
            return settings;
        foreach (var each in given.EnumerateObject())
        {
            var value = each.Value.GetUInt32();
            settings = each.Name switch
            {
                "max_streams" => settings with { MaxStreams = value },
                "stream_credit" => settings with { StreamCredit = value },
                "max_header_list" => settings with { MaxHeaderList = value },
                "header_table" => settings with { HeaderTable = value },
                _ => throw new ArgumentOutOfRangeException(nameof(vector), each.Name, "not played here"),
            };
        }

        return settings;
    }

    private sealed class Seen
    {
        public List<string> Messages { get; } = [];

        public HeaderList? Headers { get; set; }

        public ErrorCode? Failed { get; set; }

        public TaskCompletionSource Over { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
