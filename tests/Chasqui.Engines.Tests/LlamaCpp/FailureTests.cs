namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>A decode thread that fails: those who ran on it are told, and the next request gets the model anew.</summary>
[Collection(EngineCollection.Name)]
public sealed class FailureTests
{
    [Fact]
    public async Task When_the_decode_thread_fails_its_requests_end_and_the_next_is_answered()
    {
        var time = new FailingTime();
        var before = DecodeThreads.Count;
        await using (var bed = new EngineBed(EngineBed.Settings with { Slots = 2 }, time))
        {
            for (var i = 0; i < 3; i++)
            {
                Assert.NotEqual("", (await bed.Ask("Hello!")).Text);
                time.Fails = true;
                var asked = Enumerable.Range(0, 5).Select(_ => bed.Ask("Tell me a story about a dog.")).ToArray();
                foreach (var task in asked)
                {
                    var error = await Assert.ThrowsAnyAsync<EngineException>(() => task.WaitAsync(EngineBed.Patience, EngineBed.Token));
                    Assert.True(error is EngineFailedException or EngineUnavailableException, error.ToString());
                }

                time.Fails = false;
            }

            Assert.NotEqual("", (await bed.Ask("Hello!")).Text);
            Assert.Single(await bed.Engine.ListResidentAsync(EngineBed.Token));
        }

        Assert.Equal(before, DecodeThreads.Count);
    }

    /// <summary>The only part of the engine that a test can make fail from outside: its clock, on the decode thread.</summary>
    private sealed class FailingTime : TimeProvider
    {
        internal volatile bool Fails;

        public override long GetTimestamp() => Fails && Thread.CurrentThread.Name == "llama.cpp decode"
            ? throw new InvalidOperationException("this clock has stopped")
            : base.GetTimestamp();
    }
}
