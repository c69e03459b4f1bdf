namespace Chasqui.Transport.Tests;

/// <summary>What a call allocates on both sides together. A budget that is exceeded is a slower wire.</summary>
[Collection(nameof(AllocationTests))]
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationTests(ITestOutputHelper output)
{
    // The two header lists with one field each, the reply, both bodies of 128 bytes with their buffers, and the incoming call.
    private const int UnaryBudget = 1_450;

    // The text's buffer, here and there.
    private const int MessageBudget = 130;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_call()
    {
        var headers = Pair.Ok;
        await using var pair = await Pair.OpenAsync(
            async call =>
            {
                using var message = await call.ReadAsync() ?? default;
                await call.RespondAsync(headers, message.Body);
            },
            connector: new ConnectionOptions());
        var (op, body) = (Pair.Op(), new byte[128]);

        var bytes = await MeasureAsync(20_000, async () =>
        {
            using var reply = await pair.Connector.CallAsync(op, body, ct: CancellationToken.None).ConfigureAwait(false);
        });

        Assert.InRange(bytes, 1, UnaryBudget);
    }

    [Fact]
    public async Task A_message_of_a_stream()
    {
        var body = new byte[24];
        await using var pair = await Pair.OpenAsync(async call =>
        {
            await call.RespondAsync(Pair.Ok);
            while (!call.Aborted.IsCancellationRequested)
                await call.WriteAsync(body);
        });
        await using var stream = await pair.Connector.StartAsync(Pair.Op(), default, end: true, ct: Cancellation);

        var bytes = await MeasureAsync(200_000, async () =>
        {
            using var message = await stream.ReadAsync(CancellationToken.None).ConfigureAwait(false);
        });

        Assert.InRange(bytes, 1, MessageBudget);
    }

    private async Task<double> MeasureAsync(int count, Func<Task> run)
    {
        // Warm, so that the just-in-time compiler's share and what is kept for good do not count.
        for (var i = 0; i < count; i++)
            await run();
        var before = GC.GetTotalAllocatedBytes(precise: true);
        for (var i = 0; i < count; i++)
            await run();
        var each = (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)count;
        output.WriteLine($"{each:0} bytes each");
        return each;
    }
}
