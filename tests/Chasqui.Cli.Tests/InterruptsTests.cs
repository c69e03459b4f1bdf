namespace Chasqui.Cli.Tests;

public sealed class InterruptsTests
{
    private readonly List<int> _exits = [];

    [Fact]
    public void Ctrl_C_cancels_the_innermost_work_only()
    {
        var interrupts = new Interrupts(_exits.Add);
        using var outer = interrupts.Begin();
        using (var inner = interrupts.Begin())
        {
            interrupts.Raise();
            Assert.True(inner.Token.IsCancellationRequested);
        }
        Assert.False(outer.Token.IsCancellationRequested);

        interrupts.Raise();
        Assert.True(outer.Token.IsCancellationRequested);
        Assert.Empty(_exits);
    }

    [Fact]
    public void SIGTERM_cancels_everything()
    {
        var interrupts = new Interrupts(_exits.Add);
        using var outer = interrupts.Begin(onInterrupt: () => false);
        using var inner = interrupts.Begin();

        interrupts.Raise(terminate: true);

        Assert.True(outer.Token.IsCancellationRequested);
        Assert.True(inner.Token.IsCancellationRequested);
        Assert.Empty(_exits);
    }

    [Fact]
    public void One_more_signal_ends_the_process()
    {
        var interrupts = new Interrupts(_exits.Add);
        using var scope = interrupts.Begin();

        interrupts.Raise();
        Assert.Empty(_exits);
        interrupts.Raise();

        Assert.Equal([ExitCodes.Cancelled], _exits);
    }

    [Fact]
    public void Without_work_a_signal_ends_the_process()
    {
        new Interrupts(_exits.Add).Raise();

        Assert.Equal([ExitCodes.Cancelled], _exits);
    }

    [Fact]
    public void Work_may_answer_Ctrl_C_itself()
    {
        var interrupts = new Interrupts(_exits.Add);
        var told = 0;
        using var scope = interrupts.Begin(onInterrupt: () => ++told > 1);

        interrupts.Raise();
        Assert.False(scope.Token.IsCancellationRequested);
        interrupts.Raise();
        Assert.True(scope.Token.IsCancellationRequested);
    }
}
