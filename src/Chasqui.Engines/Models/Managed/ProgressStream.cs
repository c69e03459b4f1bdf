using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Chasqui.Engines.Models.Managed;

/// <summary>Takes what work says of itself.</summary>
internal interface IProgressSink
{
    /// <summary>Says what happens next; waits while nobody reads.</summary>
    ValueTask SayAsync(ModelProgress progress);

    /// <summary>Says how far a part is; dropped where nobody keeps up, since the next one says more.</summary>
    void Count(ModelProgress progress);
}

/// <summary>For what has been said already.</summary>
internal sealed class Silence : IProgressSink
{
    public static Silence Instance { get; } = new();

    public ValueTask SayAsync(ModelProgress progress) => ValueTask.CompletedTask;

    public void Count(ModelProgress progress)
    {
        // Nothing.
    }
}

/// <summary>Work that tells its progress, as a stream.</summary>
internal static class ProgressStream
{
    private const int Buffer = 64;

    /// <summary>Runs work and gives what it says. Leaving the stream cancels the work and waits for its end.</summary>
    public static async IAsyncEnumerable<ModelProgress> RunAsync(
        Func<IProgressSink, CancellationToken, Task> work, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var channel = Channel.CreateBounded<ModelProgress>(new BoundedChannelOptions(Buffer) { SingleReader = true });
        var running = Task.Run(() => RunAsync(work, channel.Writer, stop.Token), CancellationToken.None);
        try
        {
            await foreach (var progress in channel.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return progress;
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await running.ConfigureAwait(false);
        }
    }

    private static async Task RunAsync(Func<IProgressSink, CancellationToken, Task> work, ChannelWriter<ModelProgress> to, CancellationToken cancellationToken)
    {
        try
        {
            await work(new Sink(to, cancellationToken), cancellationToken).ConfigureAwait(false);
            to.Complete();
        }
        catch (Exception e)
        {
            // Thrown where the stream is read.
            to.Complete(Translate(e));
        }
    }

    private static Exception Translate(Exception e) => e is IOException or UnauthorizedAccessException ? StoreFiles.Failure(e) : e;

    private sealed class Sink(ChannelWriter<ModelProgress> to, CancellationToken cancellationToken) : IProgressSink
    {
        public ValueTask SayAsync(ModelProgress progress) => to.WriteAsync(progress, cancellationToken);

        public void Count(ModelProgress progress) => to.TryWrite(progress);
    }
}
