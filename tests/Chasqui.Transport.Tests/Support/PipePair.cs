using System.IO.Pipelines;

namespace Chasqui.Transport.Tests;

/// <summary>Two ends of a byte stream in memory.</summary>
internal sealed class PipePair
{
    public PipePair(long buffer = 64 * 1024)
    {
        // Continuations on the pool, as a socket has them.
        var options = new PipeOptions(pauseWriterThreshold: buffer, resumeWriterThreshold: buffer / 2, useSynchronizationContext: false);
        var (there, back) = (new Pipe(options), new Pipe(options));
        Here = new Duplex(back.Reader, there.Writer);
        There = new Duplex(there.Reader, back.Writer);
    }

    public IDuplexPipe Here { get; }

    public IDuplexPipe There { get; }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
