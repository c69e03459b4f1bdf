using System.IO.Pipelines;
using Chasqui.Protocol;
using Chasqui.Protocol.Headers;
using Chasqui.Transport;

namespace Chasqui.Fuzz;

/// <summary>Reads bytes of a hostile peer. Whatever comes out but a documented end is a finding.</summary>
internal delegate void FuzzTarget(ReadOnlySpan<byte> bytes);

/// <summary>What is fuzzed.</summary>
internal static class Targets
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    public static IReadOnlyDictionary<string, FuzzTarget> All { get; } = new Dictionary<string, FuzzTarget>(StringComparer.Ordinal)
    {
        ["hello"] = bytes => Documented(bytes, static b => Settings.Read(b)),
        ["headers"] = bytes => Documented(bytes, static b => new HeaderDecoder().Decode(b, new HeaderList())),
        ["head"] = bytes => Documented(bytes, static b => StreamHead.Read(b)),
        ["batch"] = bytes => Documented(bytes, static b =>
        {
            var batch = new BatchReader(b);
            while (batch.Next())
            {
                // Reading it is all.
            }
        }),
        ["control"] = bytes =>
        {
            Documented(bytes, static b => ControlPayload.ReadReset(b));
            Documented(bytes, static b => ControlPayload.ReadGoodbye(b));
            Documented(bytes, static b => ControlPayload.ReadCredit(b));
            Documented(bytes, static b => ControlPayload.ReadHeartbeat(b));
        },
        // The fuzzer calls and waits; there is no thread to be starved.
        ["connection"] = bytes => ConnectionAsync(bytes.ToArray()).GetAwaiter().GetResult(),
    };

    private static void Documented(ReadOnlySpan<byte> bytes, FuzzTarget read)
    {
        try
        {
            read(bytes);
        }
        catch (ProtocolException)
        {
            // Which rule was broken: as it should be.
        }
    }

    /// <summary>A whole connection over the bytes, after a right hello.</summary>
    private static async Task ConnectionAsync(byte[] bytes)
    {
        var (there, back) = (new Pipe(), new Pipe(new PipeOptions(pauseWriterThreshold: 0)));
        await using var connection = Connection.Create(
            new Ends(there.Reader, back.Writer), ConnectionRole.Acceptor, new ConnectionOptions(), static call => call.RespondAsync(new HeaderList().Add("status", "200"), "x"u8.ToArray()));
        var opening = connection.OpenAsync();
        var hello = new byte[FrameHeader.Size];
        FrameHeader.Write(hello, FrameType.Hello, 0, 0);
        await there.Writer.WriteAsync(hello);
        await there.Writer.WriteAsync(bytes);
        await there.Writer.CompleteAsync();
        var reason = await connection.Closed.WaitAsync(_patience);
        await ((Task)opening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (reason is { Code: ErrorCode.Internal, ByPeer: false })
            throw new InvalidOperationException(reason.Reason);
    }

    private sealed record Ends(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
