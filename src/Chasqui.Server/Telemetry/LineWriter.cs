using System.Buffers;
using System.Text;

namespace Chasqui.Server;

/// <summary>
/// Writes lines to a stream, off the threads that have them: they gather for some milliseconds and are written together. Where nobody takes them, memory stays bounded and
/// further ones are dropped, which is counted and told. Thread-safe.
/// </summary>
internal sealed class LineWriter : IDisposable
{
    /// <summary>How long a line may wait for others.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(20);

    private readonly Lock _gate = new();
    private readonly Lock _writing = new();
    private readonly Stream _output;
    private readonly int _capacity;
    private readonly ITimer _timer;
    private ArrayBufferWriter<byte> _waiting = new(4_096);
    private ArrayBufferWriter<byte> _written = new(4_096);
    private long _dropped;
    private long _told;
    private bool _scheduled;
    private bool _disposed;

    /// <param name="output">Where to; not disposed.</param>
    /// <param name="time">The clock.</param>
    /// <param name="capacity">Bytes that may wait. Default 1 MiB.</param>
    public LineWriter(Stream output, TimeProvider time, int capacity = 1 << 20)
    {
        _output = output;
        _capacity = capacity;
        _timer = time.CreateBackgroundTimer("log", static writer => writer.Flush(), this);
    }

    /// <summary>Lines that were dropped.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Takes a line, its end included.</summary>
    /// <param name="line">The line; copied.</param>
    /// <param name="urgent">Whether it is written at once.</param>
    public void Write(ReadOnlySpan<byte> line, bool urgent)
    {
        var first = false;
        lock (_gate)
        {
            if (_disposed || _waiting.WrittenCount + line.Length > _capacity)
            {
                Interlocked.Increment(ref _dropped);
                return;
            }

            _waiting.Write(line);
            if (!_scheduled)
                first = _scheduled = true;
        }

        if (first || urgent)
            _timer.Change(urgent ? TimeSpan.Zero : Patience, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Writes what waits.</summary>
    public void Flush()
    {
        lock (_writing)
        {
            lock (_gate)
            {
                (_waiting, _written) = (_written, _waiting);
                _scheduled = false;
            }

            try
            {
                _output.Write(_written.WrittenSpan);
                if (Dropped is var dropped && dropped > _told)
                {
                    _output.Write(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{dropped - _told} lines of the log were dropped here: they were not taken fast enough\n")));
                    _told = dropped;
                }

                _output.Flush();
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
            {
                // Nobody reads the log any more; that is no reason to stop serving.
            }

            _written.ResetWrittenCount();
        }
    }

    /// <summary>Writes what waits, and takes no more.</summary>
    public void Dispose()
    {
        lock (_gate)
            _disposed = true;
        _timer.Dispose();
        Flush();
    }
}
