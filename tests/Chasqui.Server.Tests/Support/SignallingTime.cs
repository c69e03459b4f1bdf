using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Server.Tests;

/// <summary>A clock that is moved by hand, and tells which waits have begun.</summary>
internal sealed class SignallingTime : FakeTimeProvider
{
    private readonly Channel<TimeSpan> _waits = Channel.CreateUnbounded<TimeSpan>();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        _waits.Writer.TryWrite(dueTime);
        return new Timer(timer, _waits.Writer);
    }

    /// <summary>Until somebody waits for so long. For one reader; it passes over all that began before.</summary>
    public async Task TimerAsync(TimeSpan dueTime)
    {
        while (await _waits.Reader.ReadAsync(TestContext.Current.CancellationToken) != dueTime)
        {
        }
    }

    private sealed class Timer(ITimer inner, ChannelWriter<TimeSpan> waits) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var changed = inner.Change(dueTime, period);
            waits.TryWrite(dueTime);
            return changed;
        }

        public void Dispose() => inner.Dispose();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
