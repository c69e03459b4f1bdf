namespace Chasqui.OllamaDouble;

/// <summary>Waiting that keeps to a plan: what a timer is late once is not added up.</summary>
internal sealed class Pace(TimeProvider time)
{
    private static readonly TimeSpan _least = TimeSpan.FromMilliseconds(1);

    private readonly long _start = time.GetTimestamp();
    private TimeSpan _due;

    public TimeSpan Elapsed => time.GetElapsedTime(_start);

    /// <summary>Waits until the sum of all that was asked for has passed; less than a millisecond is left for the next.</summary>
    public ValueTask AddAsync(double milliseconds, CancellationToken cancellation)
    {
        if (milliseconds <= 0)
            return ValueTask.CompletedTask;
        _due += TimeSpan.FromMilliseconds(milliseconds);
        var rest = _due - Elapsed;
        return rest < _least ? ValueTask.CompletedTask : new ValueTask(Task.Delay(rest, time, cancellation));
    }

    public static Task WaitAsync(double milliseconds, TimeProvider time, CancellationToken cancellation) =>
        milliseconds <= 0 ? Task.CompletedTask : Task.Delay(TimeSpan.FromMilliseconds(milliseconds), time, cancellation);
}
