using System.Runtime.CompilerServices;

namespace Chasqui.Server.Tests;

public sealed class DrainTests
{
    private static readonly ModelSummary _model = new() { Name = "m:latest", Digest = "", Details = new ModelDetails() };

    [Fact]
    public async Task Health_is_good_when_a_request_would_be_served_and_not_while_draining()
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Models = [_model] });

        using var good = await gateway.GetAsync("/healthz");
        gateway.App.Lifetime.StopApplication();
        using var draining = await gateway.GetAsync("/healthz");

        Assert.Equal((200, """{"status":"ok"}"""), ((int)good.StatusCode, await good.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)));
        Assert.Equal((503, """{"status":"unavailable","reason":"draining"}"""),
            ((int)draining.StatusCode, await draining.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)));
    }

    [Theory]
    [InlineData(true, """{"status":"unavailable","reason":"there are no models"}""")]
    [InlineData(false, """{"status":"unavailable","reason":"scripted"}""")]
    public async Task Health_is_bad_with_a_reason_when_nothing_can_be_served(bool empty, string body)
    {
        await using var gateway = await RunningGateway.StartAsync(new ScriptedEngine { Models = empty ? [] : null });

        using var response = await gateway.GetAsync("/healthz");

        Assert.Equal((503, body), ((int)response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task An_answer_that_has_begun_is_finished_while_new_connections_are_refused()
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine { Answer = (_, token) => WaitAsync(begun, goOn.Task, null, token) });
        using var raw = await RawHttp.ConnectAsync(gateway.Address);
        await raw.PostAsync("/api/generate", """{"model":"m","prompt":"x"}"""u8.ToArray());
        await begun.Task.WaitAsync(TestContext.Current.CancellationToken);

        var stopping = gateway.App.StopAsync(TestContext.Current.CancellationToken);
        await RefusedAsync(gateway.Address);
        Assert.False(stopping.IsCompleted);
        goOn.SetResult();
        await stopping;

        await raw.ReadHeadAsync();
        Assert.Contains("\"response\":\"one\"", await raw.ReadChunkAsync(), StringComparison.Ordinal);
        Assert.Contains("\"done\":true", await raw.ReadChunkAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_that_outlasts_the_drain_timeout_is_cancelled()
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var gateway = await RunningGateway.StartAsync(
            new ScriptedEngine { Answer = (_, token) => WaitAsync(begun, Task.Delay(Timeout.Infinite, token), cancelled, token) },
            options => options with { Shutdown = new ShutdownOptions { DrainTimeout = TimeSpan.FromMilliseconds(100) } });
        using var raw = await RawHttp.ConnectAsync(gateway.Address);
        await raw.PostAsync("/api/generate", """{"model":"m","prompt":"x"}"""u8.ToArray());
        await begun.Task.WaitAsync(TestContext.Current.CancellationToken);

        await gateway.App.StopAsync(TestContext.Current.CancellationToken);

        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    /// <summary>Returns once the listener is closed, which happens soon after the stop has begun.</summary>
    private static async Task RefusedAsync(Uri address)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        bound.CancelAfter(TimeSpan.FromSeconds(30));
        while (true)
        {
            bound.Token.ThrowIfCancellationRequested();
            try
            {
                (await RawHttp.ConnectAsync(address)).Dispose();
            }
            catch (System.Net.Sockets.SocketException)
            {
                return;
            }
        }
    }

    private static async IAsyncEnumerable<GenerationUpdate> WaitAsync(
        TaskCompletionSource begun, Task goOn, TaskCompletionSource? cancelled, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new GenerationUpdate { Text = "one" };
        begun.TrySetResult();
        try
        {
            await goOn.WaitAsync(cancellationToken);
        }
        finally
        {
            cancelled?.TrySetResult();
        }
        yield return new GenerationUpdate { Result = new GenerationResult { Reason = FinishReason.Stop } };
    }
}
