using Chasqui.Gateway.Policies;

namespace Chasqui.Gateway.Tests.Policies;

public sealed class OptionPolicyTests
{
    private static readonly OptionPolicy _policy = new(new ModelPolicy
    {
        NumCtx = new OptionRule(OptionTreatment.Clamp, [2048, 32768]),
        NumBatch = new OptionRule(OptionTreatment.Strip, []),
        KeepAlive = new OptionRule(OptionTreatment.Bucket, [60, 3600, -1]),
    });

    [Theory]
    [InlineData(131072, 32768)]
    [InlineData(-5, 2048)]
    [InlineData(4096, 4096)]
    public void A_clamp_holds_a_value_between_its_bounds(int said, int result)
    {
        List<OptionChange> changes = [];
        Assert.Equal(result, _policy.Apply(new GenerationOptions { NumCtx = said }, changes).NumCtx);
        Assert.Equal(said == result ? [] : [new OptionChange("num_ctx", $"{said}", $"{result}")], changes);
    }

    [Theory]
    [InlineData(1, 60)]
    [InlineData(60, 60)]
    [InlineData(61, 3600)]
    [InlineData(3601, -1)]
    [InlineData(-7, -1)]
    public void A_bucket_is_the_least_value_that_is_not_below(int said, int result)
    {
        List<OptionChange> changes = [];
        var kept = _policy.ApplyKeepAlive(said < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(said), changes);
        Assert.Equal(result < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(result), kept);
        Assert.Equal(said == result || said < 0 ? 0 : 1, changes.Count);
    }

    [Fact]
    public void What_is_not_said_stays_unsaid_and_what_is_not_changed_is_the_same_object()
    {
        List<OptionChange> changes = [];
        var options = new GenerationOptions { Temperature = 1 };

        Assert.Same(options, _policy.Apply(options, changes));
        Assert.Null(_policy.ApplyKeepAlive(null, changes));
        Assert.Empty(changes);
    }

    [Fact]
    public void A_header_tells_every_change()
    {
        List<OptionChange> changes = [];
        var options = _policy.Apply(new GenerationOptions { NumCtx = 131072, NumBatch = 4096 }, changes);
        _policy.ApplyKeepAlive(TimeSpan.FromHours(24), changes);

        Assert.Null(options.NumBatch);
        Assert.Equal("num_ctx 131072 -> 32768, num_batch stripped, keep_alive 24h -> -1", OptionChange.Header(changes));
    }

    [Fact]
    public void The_first_policy_that_names_a_model_holds_for_it()
    {
        var policies = new OptionPolicies(
        [
            new ModelPolicy { Models = ["llama3"], NumCtx = new OptionRule(OptionTreatment.Strip, []) },
            new ModelPolicy { Models = ["llama*", "mini"], NumBatch = new OptionRule(OptionTreatment.Strip, []) },
        ]);

        Assert.Equal(OptionTreatment.Strip, policies.Find("llama3:latest")!.NumCtx.Treatment);
        Assert.Equal(OptionTreatment.Keep, policies.Find("llama3:70b")!.NumCtx.Treatment);
        Assert.Same(policies.Find("llama3:70b"), policies.Find("MINI"));
        Assert.Null(policies.Find("qwen3"));
    }
}
