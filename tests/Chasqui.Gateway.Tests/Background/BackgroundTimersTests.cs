using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests.Background;

/// <summary>A callback that throws is reported, and the timer goes on.</summary>
public sealed class BackgroundTimersTests
{
    [Fact]
    public void A_callback_that_throws_is_reported_and_called_again()
    {
        var time = new FakeTimeProvider();
        var calls = 0;
        var work = $"work {Guid.NewGuid()}";
        var reported = new List<Exception>();
        void Note(string name, Exception e)
        {
            if (name == work)
                reported.Add(e);
        }
        void Throw(string name, Exception e) => throw new InvalidOperationException("a handler that is at fault too");
        BackgroundFaults.Reported += Throw;
        BackgroundFaults.Reported += Note;
        try
        {
            using var timer = time.CreateBackgroundTimer(
                work, count => throw new FormatException($"call {++calls} of {count}"), 2, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));

            time.Advance(TimeSpan.FromSeconds(1));
            time.Advance(TimeSpan.FromSeconds(1));
        }
        finally
        {
            BackgroundFaults.Reported -= Throw;
            BackgroundFaults.Reported -= Note;
        }

        Assert.Equal(["call 1 of 2", "call 2 of 2"], reported.Select(e => e.Message));
    }

    [Fact]
    public void It_takes_no_execution_context_along()
    {
        var time = new FakeTimeProvider();
        var local = new AsyncLocal<string> { Value = "of the request" };
        string? seen = "nothing";

        using var timer = time.CreateBackgroundTimer("work", _ => seen = local.Value, 0, TimeSpan.FromSeconds(1));
        Assert.Equal("of the request", local.Value);
        using (ExecutionContext.SuppressFlow())
        {
            using var second = time.CreateBackgroundTimer("work", static _ => { }, 0);
            Assert.True(ExecutionContext.IsFlowSuppressed());
        }
        local.Value = null!;
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Null(seen);
    }
}
