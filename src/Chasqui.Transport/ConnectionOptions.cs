using Chasqui.Protocol;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Transport;

/// <summary>What one side of a connection wants and allows. Immutable; may be shared by any number of connections.</summary>
public sealed record ConnectionOptions
{
    /// <summary>What is said in the hello, except <see cref="Settings.Authorization"/> where <see cref="Authorization"/> is set. Default: the defaults of the protocol.</summary>
    public Settings Settings { get; init; } = new();

    /// <summary>The credential the connector shows, as after <c>Authorization:</c>. Default none.</summary>
    public string? Authorization { get; init; }

    /// <summary>Whom the acceptor knows by this credential (null: the connector gave none), as <see cref="Connection.Identity"/>; null for one that is not taken. Called on the read
    /// loop; it should not block. Default: all are taken, and nobody is known.</summary>
    public Func<string?, object?>? Authenticate { get; init; }

    /// <summary>How long a peer may take for its hello. Default 10 s, range 10 ms to 10 minutes.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long written bytes may wait for the peer to take any. Default 30 s, range 10 ms to 1 hour.</summary>
    public TimeSpan ProgressTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a message of a stream may wait while the peer grants no credit for any of it; then the stream is reset with DEADLINE.
    /// Default <see cref="Timeout.InfiniteTimeSpan"/>: as long as it takes; else 10 ms to 1 hour.
    /// </summary>
    public TimeSpan StallTimeout { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>The largest message that is taken, in bytes; a larger one ends its stream with MESSAGE_TOO_LARGE. Default 16 MiB, at least 1.</summary>
    public int MaxMessageBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>What all messages that are still incomplete may hold together, in bytes. Default 64 MiB, at least 1.</summary>
    public long MaxIncompleteBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>
    /// Bounds what is held of a peer's requests, asked once the peer is known; see <see cref="Connection.Budget"/>. It may throw a <see cref="ProtocolException"/> to turn the peer away.
    /// Default: nothing beside <see cref="MaxIncompleteBytes"/> and credit.
    /// </summary>
    public Func<Connection, IMessageBudget?>? BudgetOf { get; init; }

    /// <summary>Streams the peer may open and reset a second, with <see cref="CancelledStreamsBurst"/> at once. Default 200.</summary>
    public int CancelledStreamsPerSecond { get; init; } = 200;

    /// <summary>Streams the peer may open and reset at once. Default 1,000.</summary>
    public int CancelledStreamsBurst { get; init; } = 1_000;

    /// <summary>Control frames without a purpose a second, with <see cref="ControlFramesBurst"/> at once. Default 1,000.</summary>
    public int ControlFramesPerSecond { get; init; } = 1_000;

    /// <summary>Control frames without a purpose at once. Default 5,000.</summary>
    public int ControlFramesBurst { get; init; } = 5_000;

    /// <summary>Calls that may wait for a free stream when the peer's max_streams are open; more are refused. Default 65,536.</summary>
    public int MaxWaitingCalls { get; init; } = 65_536;

    /// <summary>
    /// Whether the code after <c>await CallAsync</c> runs on the read loop, so that the next calls leave in one write. It must not block then.
    /// Default true; streams always continue on the thread pool.
    /// </summary>
    public bool InlineReplies { get; init; } = true;

    /// <summary>The clock. Default the system's.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where ends of connections and failures of handlers are logged. Default nowhere.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    internal void Validate()
    {
        Settings.Validate();
        Check(HandshakeTimeout >= TimeSpan.FromMilliseconds(10) && HandshakeTimeout <= TimeSpan.FromMinutes(10), nameof(HandshakeTimeout), "10 ms to 10 minutes");
        Check(ProgressTimeout >= TimeSpan.FromMilliseconds(10) && ProgressTimeout <= TimeSpan.FromHours(1), nameof(ProgressTimeout), "10 ms to 1 hour");
        Check(StallTimeout == Timeout.InfiniteTimeSpan || (StallTimeout >= TimeSpan.FromMilliseconds(10) && StallTimeout <= TimeSpan.FromHours(1)), nameof(StallTimeout),
            "10 ms to 1 hour, or infinite");
        Check(MaxMessageBytes >= 1, nameof(MaxMessageBytes), "at least 1");
        Check(MaxIncompleteBytes >= 1, nameof(MaxIncompleteBytes), "at least 1");
        Check(CancelledStreamsPerSecond >= 1 && CancelledStreamsBurst >= 1, nameof(CancelledStreamsBurst), "at least 1");
        Check(ControlFramesPerSecond >= 1 && ControlFramesBurst >= 1, nameof(ControlFramesBurst), "at least 1");
        Check(MaxWaitingCalls >= 0, nameof(MaxWaitingCalls), "at least 0");
    }

    private static void Check(bool right, string name, string range)
    {
        if (!right)
            throw new ArgumentOutOfRangeException(name, $"{name} must be {range}.");
    }
}
