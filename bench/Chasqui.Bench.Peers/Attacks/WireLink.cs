using System.Buffers;
using System.IO.Pipelines;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;
using Chasqui.Transport;
using Chasqui.Transport.Endpoints;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>A connection of MCP/1 on which any frame may be sent.</summary>
internal sealed class WireLink : IAsyncDisposable
{
    private readonly IDuplexPipe _pipe;
    private readonly CancellationToken _token;

    private WireLink(IDuplexPipe pipe, CancellationToken token) => (_pipe, _token) = (pipe, token);

    /// <summary>Where to: one in three comes over WebSocket.</summary>
    public static string Endpoint(AttackRun run, int actor) => actor % 3 == 2 ? run.Target.WebSocket : run.Target.Wire;

    /// <summary>Connects and says nothing.</summary>
    public static async Task<WireLink> DialAsync(AttackRun run, int actor) =>
        new(await WireDialer.DialAsync(WireEndpoint.Parse(Endpoint(run, actor)), null, run.Token), run.Token);

    /// <summary>Connects and says hello with the key.</summary>
    public static async Task<WireLink> OpenAsync(AttackRun run, int actor, Settings? settings = null)
    {
        var link = await DialAsync(run, actor);
        try
        {
            await link.SendAsync(Hello((settings ?? new Settings()) with { Authorization = "Bearer " + run.Target.Key }));
            var hello = await link._pipe.Input.ReadAsync(run.Token);
            link._pipe.Input.AdvanceTo(hello.Buffer.End);
            return link;
        }
        catch
        {
            await link.DisposeAsync();
            throw;
        }
    }

    /// <summary>A whole connection, which keeps to the rules but for what it is told.</summary>
    public static async Task<Connection> ConnectAsync(AttackRun run, int actor, Settings? settings = null)
    {
        var connection = Connection.Create(await WireDialer.DialAsync(WireEndpoint.Parse(Endpoint(run, actor)), null, run.Token), ConnectionRole.Connector, new ConnectionOptions
        {
            InlineReplies = false,
            Settings = (settings ?? new Settings()) with { Authorization = "Bearer " + run.Target.Key },
        });
        try
        {
            await connection.OpenAsync(run.Token);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    public static byte[] Hello(Settings settings)
    {
        var body = new ArrayBufferWriter<byte>();
        settings.Write(body);
        return Frame(FrameType.Hello, 0, body.WrittenSpan);
    }

    public static byte[] Frame(FrameType type, uint stream, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[FrameHeader.Size + payload.Length];
        FrameHeader.Write(frame, type, payload.Length, stream);
        payload.CopyTo(frame.AsSpan(FrameHeader.Size));
        return frame;
    }

    /// <summary>A REQUEST.</summary>
    public static byte[] Request(uint stream, FrameFlags flags, ReadOnlySpan<byte> block, ReadOnlySpan<byte> body = default)
    {
        var payload = new byte[1 + Varint.MaxSize + block.Length + body.Length];
        payload[0] = (byte)(body.Length > 0 ? flags | FrameFlags.Message : flags);
        var used = 1 + Varint.Write(payload.AsSpan(1), (uint)block.Length);
        block.CopyTo(payload.AsSpan(used));
        body.CopyTo(payload.AsSpan(used + block.Length));
        return Frame(FrameType.Request, stream, payload.AsSpan(0, used + block.Length + body.Length));
    }

    /// <summary>A header block.</summary>
    public static byte[] Block(HeaderEncoder encoder, HeaderList headers)
    {
        var block = new ArrayBufferWriter<byte>();
        encoder.Encode(headers.AsSpan(), block);
        return block.WrittenSpan.ToArray();
    }

    /// <exception cref="IOException">The gateway has closed.</exception>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        if ((await _pipe.Output.WriteAsync(bytes, _token)).IsCompleted)
            throw new IOException("the gateway has closed");
    }

    /// <summary>Reads until the gateway closes.</summary>
    public async Task DrainAsync()
    {
        while (true)
        {
            var read = await _pipe.Input.ReadAsync(_token);
            _pipe.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                return;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _pipe.Output.CompleteAsync();
        await _pipe.Input.CompleteAsync();
    }
}
