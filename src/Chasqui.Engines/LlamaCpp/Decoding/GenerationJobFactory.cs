using Chasqui.Engines.LlamaCpp.Native;
using Chasqui.Engines.LlamaCpp.Sampling;

namespace Chasqui.Engines.LlamaCpp.Decoding;

/// <summary>Makes jobs ready to run: sampler compiled, penalties told of the prompt.</summary>
internal static class GenerationJobFactory
{
    /// <exception cref="InvalidFormatException">The grammar cannot be compiled.</exception>
    internal static GenerationJob Create(LlamaModel model, JobPlan plan, TimeProvider time)
    {
        var sampler = new TokenSampler(model, plan.Sampling, plan.Grammar, time);
        var window = Math.Min(plan.Sampling.RepeatLastN, plan.Prompt.Length);
        sampler.Observe(plan.Prompt.AsSpan(plan.Prompt.Length - window));
        return new GenerationJob(plan, sampler, time);
    }
}
